// The JSON reader that configurations go through.
#include <syncline/sdk/json.hpp>

#include <boost/test/unit_test.hpp>

#include <random>

namespace json = syncline::sdk::json;
using syncline::sdk::Error;

namespace {

std::string path_of(const Error& error) {
    for (const auto& [key, value] : error.details()) {
        if (key == SYNCLINE_DETAIL_PATH) {
            return value;
        }
    }
    return "(no path)";
}

/// The path of the rejection, or "(accepted)".
std::string rejection(std::string_view text) {
    try {
        json::parse(text);
    } catch (const Error& error) {
        BOOST_TEST(error.status() == SYNCLINE_E_INVALID_CONFIG);
        BOOST_TEST(syncline::sdk::is_utf8(error.message()));
        return path_of(error);
    }
    return "(accepted)";
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

} // namespace

BOOST_AUTO_TEST_SUITE(json_reader)

BOOST_AUTO_TEST_CASE(values_of_all_kinds_are_read) {
    const json::Value value = json::parse(
        " {\"s\" : \"a\\n\\u00e9\\ud83d\\ude00\\/\", \"i\":-12, \"r\":1.5e2,\"t\":true,\"f\":false,"
        "\"n\":null, \"a\":[1,[],{}], \"big\":9223372036854775808, "
        "\"max\":9223372036854775807}\r\n\t");
    BOOST_TEST(*value.find("s")->string() == "a\n\xC3\xA9\xF0\x9F\x98\x80/");
    BOOST_TEST(*value.find("i")->integer() == -12);
    BOOST_TEST(value.find("r")->number().value() == 150.0);
    BOOST_TEST(*value.find("t")->boolean());
    BOOST_TEST(!*value.find("f")->boolean());
    BOOST_TEST(value.find("n")->is_null());
    BOOST_TEST(value.find("a")->array()->size() == 3U);
    BOOST_TEST(value.find("big")->integer() == nullptr);
    BOOST_TEST(value.find("big")->number().value() == 9223372036854775808.0);
    BOOST_TEST(*value.find("max")->integer() == INT64_MAX);
    BOOST_TEST(value.find("absent") == nullptr);
    for (const char* text : {"0", "-0", "1E+2", "0.5", "\"\"", "[]", "{}", "null", "\"\x7F\""}) {
        BOOST_TEST(rejection(text) == "(accepted)", text);
    }
}

BOOST_AUTO_TEST_CASE(everything_else_is_rejected) {
    const std::string bad[] = {"",
                               " ",
                               "{",
                               "}",
                               "[",
                               "]",
                               "[1,]",
                               "[,1]",
                               "[1 2]",
                               "{\"a\":1,}",
                               "{\"a\"}",
                               "{\"a\":}",
                               "{a:1}",
                               "{'a':1}",
                               "{1:1}",
                               "01",
                               "+1",
                               "-",
                               ".5",
                               "1.",
                               "1e",
                               "1e+",
                               "0x1",
                               "NaN",
                               "Infinity",
                               "1e999",
                               "-1e999",
                               "tru",
                               "TRUE",
                               "nul",
                               "\"",
                               "\"\\\"",
                               "\"\\x\"",
                               "\"\\u12\"",
                               "\"\\u12G4\"",
                               "\"\\ud800\"",
                               "\"\\ud800x\"",
                               "\"\\ud800\\u0041\"",
                               "\"\\udc00\"",
                               "\"\\u0000\"",
                               "\"\n\"",
                               "\"\t\"",
                               "{} {}",
                               "1 2",
                               "// c\n1",
                               "/* c */1",
                               "\xEF\xBB\xBF{}",
                               "\"\xFF\"",
                               "\"\xC0\xAF\"",
                               "\"\xED\xA0\x80\"",
                               "\"\xF4\x90\x80\x80\"",
                               "\"\xE2\x82\"",
                               std::string("\"a\0b\"", 5),
                               std::string("\0", 1),
                               std::string("{}\0", 3)};
    for (const std::string& text : bad) {
        BOOST_TEST(rejection(text) != "(accepted)", text);
    }
}

BOOST_AUTO_TEST_CASE(a_rejection_says_where) {
    BOOST_TEST(rejection("{") == "");
    BOOST_TEST(rejection(R"({"a":{"b":[1,x]}})") == "/a/b/1");
    BOOST_TEST(rejection(R"({"a":1,"a":2})") == "/a");
    BOOST_TEST(rejection(R"({"x":{"a":1,"\u0061":2}})") == "/x/a");
    BOOST_TEST(rejection(R"({"a/b~c":tru})") == "/a~1b~0c");
    BOOST_TEST(rejection(R"([{"a":1},{"a":2},nope])") == "/2");
}

BOOST_AUTO_TEST_CASE(depth_and_size_are_limited) {
    BOOST_TEST(rejection(nested(64)) == "(accepted)");
    BOOST_TEST(rejection(nested(65)) != "(accepted)");
    BOOST_TEST(rejection(nested(10000)) != "(accepted)");
    BOOST_TEST(rejection(std::string(1000000, '[')) != "(accepted)");
    const std::size_t limit = json::Limits().max_bytes;
    BOOST_TEST(rejection('"' + std::string(limit - 2, 'x') + '"') == "(accepted)");
    BOOST_TEST(rejection('"' + std::string(limit - 1, 'x') + '"') != "(accepted)");
}

BOOST_AUTO_TEST_CASE(settings_are_read_by_type) {
    const json::Value value =
        json::parse(R"({"path":"/data","n":3,"r":2.5,"on":true,"list":["a","b"],"inner":{"n":"x"},)"
                    R"("mixed":["a",1]})");
    const json::Config config(value);
    BOOST_TEST(config.string("path") == "/data");
    BOOST_TEST(config.string("other", "fallback") == "fallback");
    BOOST_TEST(config.integer("n") == 3);
    BOOST_TEST(config.number("n") == 3.0);
    BOOST_TEST(config.number("r", 1) == 2.5);
    BOOST_TEST(config.boolean("on"));
    BOOST_TEST(config.boolean("off", true));
    BOOST_TEST(config.strings("list").size() == 2U);
    BOOST_TEST(config.strings("none").empty());
    const auto path = [](const auto& body) -> std::string {
        try {
            body();
        } catch (const Error& error) {
            BOOST_TEST(error.status() == SYNCLINE_E_INVALID_CONFIG);
            return path_of(error);
        }
        return "(accepted)";
    };
    BOOST_TEST(path([&] { config.string("absent"); }) == "/absent");
    BOOST_TEST(path([&] { config.string("n"); }) == "/n");
    BOOST_TEST(path([&] { config.integer("r"); }) == "/r");
    BOOST_TEST(path([&] { config.boolean("n", false); }) == "/n");
    BOOST_TEST(path([&] { config.strings("mixed"); }) == "/mixed/1");
    BOOST_TEST(path([&] { config.strings("path"); }) == "/path");
    BOOST_TEST(path([&] { config.object("inner").integer("n"); }) == "/inner/n");
    BOOST_TEST(path([&] { config.object("list"); }) == "/list");
    BOOST_TEST(path([&] { config.only({"path", "n"}); }) == "/r");
    BOOST_TEST(path([&] { json::Config(json::parse("[]")); }) == "");
    BOOST_TEST(path_of(config.invalid("n", "odd")) == "/n");
}

BOOST_AUTO_TEST_CASE(damaged_documents_are_read_or_rejected_and_nothing_else) {
    const std::string seed_text =
        R"({"url":"memory://x","n":[1,-2.5e3,true,null],"t":{"k":"\u00e9\n","deep":[[[{}]]]}})";
    const auto seed = std::random_device()();
    BOOST_TEST_MESSAGE("seed " << seed);
    std::mt19937 random(seed);
    const std::string alphabet = "{}[]\",:\\u0123456789eE+-.truefalsn \t\n\x01\x7F\xC3\xA9\xED\xF4";
    int accepted = 0;
    for (int round = 0; round < 20000; ++round) {
        std::string text = seed_text;
        const unsigned edits = 1 + random() % 4;
        for (unsigned i = 0; i < edits && !text.empty(); ++i) {
            const std::size_t at = random() % text.size();
            switch (random() % 4) {
            case 0:
                text[at] = alphabet[random() % alphabet.size()];
                break;
            case 1:
                text.erase(at, 1 + random() % 5);
                break;
            case 2:
                text.insert(at, 1, alphabet[random() % alphabet.size()]);
                break;
            default:
                text.insert(at, text.substr(random() % text.size(), random() % 20));
                break;
            }
        }
        try {
            json::parse(text);
            ++accepted;
        } catch (const Error& error) {
            if (error.status() != SYNCLINE_E_INVALID_CONFIG || path_of(error) == "(no path)") {
                BOOST_FAIL("seed " << seed << " round " << round << ": " << error.what());
            }
        }
    }
    BOOST_TEST(accepted > 0, "seed " << seed);
}

BOOST_AUTO_TEST_CASE(any_bytes_become_printable) {
    BOOST_TEST(syncline::sdk::printable("a\xC3\xA9\xFF\n") == "a\xC3\xA9\\xff\\x0a");
    BOOST_TEST(syncline::sdk::is_utf8("\xF0\x9F\x98\x80"));
    BOOST_TEST(!syncline::sdk::is_utf8("\xF0\x9F\x98"));
}

BOOST_AUTO_TEST_SUITE_END()
