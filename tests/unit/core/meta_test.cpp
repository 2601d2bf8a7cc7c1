#include "syncline/core/meta.hpp"

#include <boost/test/unit_test.hpp>

using namespace syncline;

BOOST_AUTO_TEST_SUITE(meta)

BOOST_AUTO_TEST_CASE(equal_metadata_are_equal_bytes) {
    Bytes a;
    Bytes b;
    encode_meta(std::vector<MetaEntry>{{"z", "1"}, {"a", ""}}, a);
    encode_meta(std::vector<MetaEntry>{{"a", ""}, {"z", "1"}}, b);
    BOOST_TEST(a == b);
    Bytes none;
    encode_meta({}, none);
    BOOST_TEST(none.empty());
}

BOOST_AUTO_TEST_CASE(what_is_encoded_comes_back) {
    const Bytes long_value(1'000'000, '\0');
    Bytes meta;
    encode_meta(
        std::vector<MetaEntry>{{"b", long_value}, {"", "no name"}, {BytesView("a\0b", 3), "\xff"}},
        meta);
    const std::vector<MetaEntry> entries = decode_meta(meta);
    BOOST_REQUIRE(entries.size() == 3U);
    BOOST_TEST(entries[0].name.empty());
    BOOST_TEST(entries[0].value == "no name");
    BOOST_TEST(entries[1].name == BytesView("a\0b", 3));
    BOOST_TEST(entries[1].value == "\xff");
    BOOST_TEST(entries[2].name == "b");
    BOOST_TEST((entries[2].value == long_value));
}

BOOST_AUTO_TEST_CASE(of_one_name_the_last_value_counts) {
    Bytes meta;
    encode_meta(std::vector<MetaEntry>{{"a", "1"}, {"b", "x"}, {"a", "2"}}, meta);
    const std::vector<MetaEntry> entries = decode_meta(meta);
    BOOST_REQUIRE(entries.size() == 2U);
    BOOST_TEST(entries[0].value == "2");
}

BOOST_AUTO_TEST_CASE(malformed_bytes_end_the_list) {
    Bytes meta;
    encode_meta(std::vector<MetaEntry>{{"name", "value"}}, meta);
    for (std::size_t size = 0; size < meta.size(); ++size) {
        BOOST_TEST(decode_meta(BytesView(meta).substr(0, size)).empty());
    }
    BOOST_TEST(decode_meta("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").empty());
    BOOST_TEST(decode_meta(meta + "\x05rest").size() == 1U);
}

BOOST_AUTO_TEST_CASE(access_is_not_compared) {
    const auto meta = [](const std::vector<MetaEntry>& entries) {
        Bytes out;
        encode_meta(entries, out);
        return out;
    };
    const Bytes plain = meta({});
    const Bytes hidden = meta({{kMetaAccess, "00"}});
    const Bytes tool = meta({{kMetaExecutable, "1"}});
    const Bytes hidden_tool = meta({{kMetaAccess, "40"}, {kMetaExecutable, "1"}});
    BOOST_TEST(same_meta(plain, hidden));
    BOOST_TEST(same_meta(hidden_tool, tool));
    BOOST_TEST(same_meta(tool, tool));
    BOOST_TEST(!same_meta(hidden, hidden_tool));
    BOOST_TEST(!same_meta(plain, tool));
    BOOST_TEST(!same_meta(tool, meta({{kMetaExecutable, "0"}})));
}

BOOST_AUTO_TEST_SUITE_END()
