#include "merge_cases.hpp"
#include "text_merge.hpp"

using namespace syncline::strategies;
using namespace syncline::test;

namespace {

TextMerge merge(const nlohmann::json& one, Overlap overlap, bool swapped = false) {
    const std::string source = text_of(one, swapped ? "target" : "source");
    const std::string target = text_of(one, swapped ? "source" : "target");
    return merge_text(text_of(one, "base"), source, target, overlap, "source: A", "target: B");
}

} // namespace

BOOST_AUTO_TEST_SUITE(text_merge)

BOOST_AUTO_TEST_CASE(the_table_of_merges) {
    for (const nlohmann::json& one : merge_cases("merge-text.json")) {
        BOOST_TEST_CONTEXT(one["about"]) {
            const TextMerge found = merge(one, Overlap::decline);
            if (has(one, "merged")) {
                BOOST_TEST(found.clean);
                BOOST_TEST(found.text == text_of(one, "merged"));
                BOOST_TEST(merge(one, Overlap::decline, true).text == found.text);
                BOOST_TEST(merge(one, Overlap::markers).text == found.text);
                continue;
            }
            BOOST_TEST(!found.merged);
            BOOST_TEST(found.text.empty());
            BOOST_TEST(found.why.find(one["clash"].get<std::string>()) != std::string::npos,
                       found.why);
            for (const auto& [name, overlap] :
                 {std::pair("markers", Overlap::markers), std::pair("source_wins", Overlap::source),
                  std::pair("target_wins", Overlap::target), std::pair("both", Overlap::both)}) {
                if (one.contains(name)) {
                    BOOST_TEST(merge(one, overlap).text == one[name].get<std::string>(), name);
                }
            }
        }
    }
}

// A run that was cut short between its two writes leaves the result on one side.
BOOST_AUTO_TEST_CASE(merging_a_side_with_the_result_gives_the_result) {
    for (const nlohmann::json& one : merge_cases("merge-text.json")) {
        if (!has(one, "merged")) {
            continue;
        }
        const std::string merged = text_of(one, "merged");
        for (const char* side : {"source", "target"}) {
            const TextMerge again = merge_text(text_of(one, "base"), text_of(one, side), merged,
                                               Overlap::decline, "a", "b");
            BOOST_TEST(again.text == merged, one["about"] << ", " << side);
        }
    }
}

BOOST_AUTO_TEST_CASE(keeping_both_repeats_no_line_between_two_places_that_both_changed) {
    const std::string base = "1\n2\n3\n4\n5\n6\n";
    const std::string source = "1 here\n2\n3\n4 here\n5\n6\n";
    const std::string target = "1 there\n2\n3\n4 there\n5\n6 there";
    const TextMerge found = merge_text(base, source, target, Overlap::both, "a", "b");
    BOOST_TEST(found.text == "1 here\n1 there\n2\n3\n4 here\n4 there\n5\n6 there");
    for (const std::string& side : {source, target}) { // as a run leaves them that was cut short
        const bool is_source = side == source;
        const TextMerge again =
            merge_text(base, is_source ? source : found.text, is_source ? found.text : target,
                       Overlap::both, "a", "b");
        BOOST_TEST(again.text == found.text);
    }
}

BOOST_AUTO_TEST_CASE(keeping_both_ends_a_last_line_that_had_no_end) {
    BOOST_TEST(merge_text("1\n2", "1\n2 here", "1\n2 there", Overlap::both, "a", "b").text ==
               "1\n2 here\n2 there");
    BOOST_TEST(merge_text("1\r\n2", "1\r\n2 here", "1\r\n2 there", Overlap::both, "a", "b").text ==
               "1\r\n2 here\r\n2 there");
    BOOST_TEST(merge_text("1\n2\n", "", "1\n2 there\n", Overlap::both, "a", "b").text ==
               "1\n2 there\n");
}

BOOST_AUTO_TEST_SUITE_END()
