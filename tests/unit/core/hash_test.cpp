#include "syncline/core/hash.hpp"

#include <boost/test/unit_test.hpp>

using namespace syncline;

BOOST_AUTO_TEST_SUITE(hash)

BOOST_AUTO_TEST_CASE(digests_are_those_of_the_published_algorithms) {
    BOOST_TEST(to_hex(content_hash("")) == "99aa06d3014798d86001c324468d497f");
    BOOST_TEST(to_hex(sha256("")) ==
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    BOOST_TEST(to_hex(sha256("abc")) ==
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

BOOST_AUTO_TEST_CASE(pieces_hash_like_the_whole) {
    const Bytes content(100'000, 'x');
    ContentHasher hasher;
    for (std::size_t at = 0; at < content.size(); at += 777) {
        const BytesView piece = BytesView(content).substr(at, 777);
        hasher.update(piece.data(), piece.size());
    }
    hasher.update(nullptr, 0);
    BOOST_TEST(to_hex(hasher.digest()) == to_hex(content_hash(content)));
    BOOST_TEST(to_hex(hasher.digest()) == to_hex(content_hash(content)),
               "asking does not end the digest");
    hasher.reset();
    BOOST_TEST(to_hex(hasher.digest()) == to_hex(content_hash("")));
}

BOOST_AUTO_TEST_CASE(hex_is_two_digits_a_byte) {
    BOOST_TEST(to_hex(BytesView("\0\x7f\xff", 3)) == "007fff");
}

BOOST_AUTO_TEST_SUITE_END()
