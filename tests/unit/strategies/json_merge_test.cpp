#include "json_merge.hpp"
#include "merge_cases.hpp"

#include <algorithm>

using namespace syncline::strategies;
using namespace syncline::test;

namespace {

std::vector<std::string> identity_of(const nlohmann::json& one) {
    return one.contains("identity") ? one["identity"].get<std::vector<std::string>>()
                                    : std::vector<std::string>{"id"};
}

} // namespace

BOOST_AUTO_TEST_SUITE(json_merge)

BOOST_AUTO_TEST_CASE(the_table_of_merges) {
    for (const nlohmann::json& one : merge_cases("merge-json.json")) {
        BOOST_TEST_CONTEXT(one["about"]) {
            const std::string base = text_of(one, "base");
            const std::string source = text_of(one, "source");
            const std::string target = text_of(one, "target");
            const std::vector<std::string> identity = identity_of(one);
            const JsonMerge found = merge_json(base, source, target, identity);
            const JsonMerge mirrored = merge_json(base, target, source, identity);
            BOOST_TEST(found.merged == mirrored.merged);
            BOOST_TEST(found.text == mirrored.text);
            if (one.contains("clash")) {
                BOOST_TEST(!found.merged);
                BOOST_TEST(found.why.find(one["clash"].get<std::string>()) != std::string::npos,
                           found.why);
                continue;
            }
            BOOST_TEST(found.merged, found.why);
            if (one.contains("merged_any")) {
                const auto& any = one["merged_any"];
                BOOST_TEST((std::find(any.begin(), any.end(), found.text) != any.end()),
                           found.text);
            } else {
                BOOST_TEST(found.text == text_of(one, "merged"));
            }
            // What a run that was cut short leaves merges to the same.
            for (const std::string& side : {source, target}) {
                BOOST_TEST(merge_json(base, side, found.text, identity).text == found.text);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_document_that_nests_too_deep_is_declined) {
    const auto nested = [](const std::string& inside) {
        return std::string(300, '[') + inside + std::string(300, ']');
    };
    const JsonMerge found = merge_json(nested("1"), nested("2"), nested("3"), {"id"});
    BOOST_TEST(!found.merged);
    BOOST_TEST(found.why.find("deeper than") != std::string::npos, found.why);
}

BOOST_AUTO_TEST_SUITE_END()
