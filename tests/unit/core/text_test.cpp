#include "syncline/core/text.hpp"

#include "syncline/core/item.hpp"

#include <boost/test/unit_test.hpp>
#include <vector>

using namespace syncline;

BOOST_AUTO_TEST_SUITE(text)

BOOST_AUTO_TEST_CASE(keys_are_shown_as_one_safe_line) {
    BOOST_TEST(display_key("a/b c.txt") == "a/b c.txt");
    BOOST_TEST(display_key("Gr\xc3\xbc\xc3\x9f"
                           "e \xf0\x9f\x98\x80") == "Gr\xc3\xbc\xc3\x9f"
                                                    "e \xf0\x9f\x98\x80");
    BOOST_TEST(display_key("a\nb\tc\rd") == "a\\nb\\tc\\rd");
    BOOST_TEST(display_key("\x1b[2J") == "\\x1B[2J");
    BOOST_TEST(display_key(BytesView("a\0b", 3)) == "a\\x00"
                                                    "b");
    BOOST_TEST(display_key("\x7f") == "\\x7F");
    BOOST_TEST(display_key("a\\nb") == "a\\\\nb");
    BOOST_TEST(display_line("a\\b\n") == "a\\b\\n");
}

BOOST_AUTO_TEST_CASE(invalid_utf8_is_shown_byte_by_byte) {
    BOOST_TEST(display_key("\xff"
                           "a") == "\\xFFa");
    BOOST_TEST(display_key("\xc3") == "\\xC3");
    BOOST_TEST(display_key("\xc0\xaf") == "\\xC0\\xAF");          // overlong
    BOOST_TEST(display_key("\xed\xa0\x80") == "\\xED\\xA0\\x80"); // surrogate
    BOOST_TEST(display_key("\xf4\x90\x80\x80") ==
               "\\xF4\\x90\\x80\\x80"); // above the last code point
}

BOOST_AUTO_TEST_CASE(text_that_changes_the_direction_of_a_line_is_escaped) {
    BOOST_TEST(display_key("a\xe2\x80\xae"
                           "cod.exe") == "a\\xE2\\x80\\xAE"
                                         "cod.exe");              // U+202E
    BOOST_TEST(display_key("\xe2\x81\xa6") == "\\xE2\\x81\\xA6"); // U+2066
    BOOST_TEST(display_key("\xe2\x80\x8b") == "\\xE2\\x80\\x8B"); // U+200B
    BOOST_TEST(display_key("\xc2\x9b"
                           "31m") == "\\xC2\\x9B"
                                     "31m");                      // U+009B, CSI
    BOOST_TEST(display_key("\xe2\x80\xa8") == "\\xE2\\x80\\xA8"); // U+2028
    BOOST_TEST(display_key("\xef\xbb\xbf") == "\\xEF\\xBB\\xBF"); // U+FEFF
}

BOOST_AUTO_TEST_CASE(utf8_is_recognised_strictly) {
    BOOST_TEST(is_utf8(""));
    BOOST_TEST(is_utf8("\xf4\x8f\xbf\xbf"));
    BOOST_TEST(!is_utf8("a\x80"));
    BOOST_TEST(!is_utf8("\xe2\x82"));
    BOOST_TEST(!is_utf8("\xc1\xbf"));
    BOOST_TEST(!is_utf8("\xf8\x88\x80\x80\x80"));
}

BOOST_AUTO_TEST_CASE(base64_comes_back_and_has_one_form) {
    BOOST_TEST(base64("") == "");
    BOOST_TEST(base64("f") == "Zg==");
    BOOST_TEST(base64("fo") == "Zm8=");
    BOOST_TEST(base64("foo") == "Zm9v");
    Bytes all;
    for (int i = 0; i < 256; ++i) {
        all.push_back(static_cast<char>(i));
        const auto back = from_base64(base64(all));
        BOOST_REQUIRE(back.has_value());
        BOOST_TEST((*back == all));
    }
    for (const char* bad :
         {"Z", "Zg=", "Zh==", "Zg==Zg==", "Zm9=", "Z===", "====", "Zm 9", "Zm9v\n"}) {
        BOOST_TEST(!from_base64(bad).has_value(), bad);
    }
}

BOOST_AUTO_TEST_CASE(sizes_durations_times_and_counts_read_well) {
    BOOST_TEST(display_size(0) == "0 B");
    BOOST_TEST(display_size(1023) == "1023 B");
    BOOST_TEST(display_size(1'500'000) == "1.4 MiB");
    BOOST_TEST(display_size(1'048'575) == "1.0 MiB");
    BOOST_TEST(display_size(UINT64_MAX - 1) == "16.0 EiB");
    BOOST_TEST(display_size(kUnknownSize) == "unknown size");

    BOOST_TEST(display_duration_ms(850) == "850 ms");
    BOOST_TEST(display_duration_ms(12'345) == "12.3 s");
    BOOST_TEST(display_duration_ms(59'999) == "1 min");
    BOOST_TEST(display_duration_ms(250'000) == "4 min 10 s");
    BOOST_TEST(display_duration_ms(3'660'000) == "1 h 1 min");
    BOOST_TEST(display_duration_ms(90'000'000) == "1 d 1 h");
    BOOST_TEST(display_duration_ms(-850) == "-850 ms");
    BOOST_TEST(!display_duration_ms(INT64_MIN).empty());

    BOOST_TEST(display_time(0) == "1970-01-01 00:00:00.000Z");
    BOOST_TEST(display_time(1'772'366'400'123'999'999) == "2026-03-01 12:00:00.123Z");
    BOOST_TEST(display_time(-1) == "1969-12-31 23:59:59.999Z");
    BOOST_TEST(display_time(INT64_MIN + 1).starts_with("1677-"));
    BOOST_TEST(display_time(kUnknownTime) == "unknown time");

    BOOST_TEST(display_count(1, "file") == "1 file");
    BOOST_TEST(display_count(0, "file") == "0 files");
    BOOST_TEST(display_count(2, "directory") == "2 directories");
    BOOST_TEST(display_count(2, "key") == "2 keys");
    BOOST_TEST(display_count(2, "match") == "2 matches");
}

BOOST_AUTO_TEST_CASE(slips_of_the_hand_find_what_was_meant) {
    const std::vector<std::string> words{"mode", "strategy", "include", "exclude",
                                         "delete-vs-change"};
    BOOST_TEST(nearest("mdoe", words) == "mode");
    BOOST_TEST(nearest("strateyg", words) == "strategy");
    BOOST_TEST(nearest("Exclude", words) == "exclude");
    BOOST_TEST(nearest("delete_vs_chnage", words) == "delete-vs-change");
    BOOST_TEST(nearest("incude", words) == "include");
    BOOST_TEST(nearest("x", words).empty());
    BOOST_TEST(nearest("colour", words).empty());
    BOOST_TEST(nearest("", words).empty());
    BOOST_TEST(nearest("mode", {}).empty());
    BOOST_TEST(nearest(std::string(1'000'000, 'm'), words).empty());
}

BOOST_AUTO_TEST_SUITE_END()
