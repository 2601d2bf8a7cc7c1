#include "state/packing.hpp"

#include <boost/test/unit_test.hpp>

using namespace syncline;
using namespace syncline::state;

BOOST_AUTO_TEST_SUITE(packing)

BOOST_AUTO_TEST_CASE(what_is_put_comes_back_in_order) {
    Bytes packed;
    for (const std::uint64_t value :
         {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, UINT64_MAX}) {
        put_number(value, packed);
    }
    put_bytes("", packed);
    put_bytes(Bytes(300, '\0'), packed);
    Reader in(packed);
    BOOST_TEST(in.number() == 0U);
    BOOST_TEST(in.number() == 127U);
    BOOST_TEST(in.number() == 128U);
    BOOST_TEST(in.number() == UINT64_MAX);
    BOOST_TEST(in.bytes().empty());
    BOOST_TEST(!in.read_all());
    BOOST_TEST((in.bytes() == Bytes(300, '\0')));
    BOOST_TEST(in.read_all());
}

BOOST_AUTO_TEST_CASE(what_was_cut_short_shows) {
    Bytes packed;
    put_bytes("value", packed);
    for (std::size_t size = 0; size < packed.size(); ++size) {
        Reader in(BytesView(packed).substr(0, size));
        BOOST_TEST(in.bytes().empty());
        BOOST_TEST(!in.read_all());
    }
    Reader endless(BytesView("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
    BOOST_TEST(endless.number() == 0U);
    BOOST_TEST(!endless.read_all());
}

BOOST_AUTO_TEST_SUITE_END()
