#include "endpoint/spill_sort.hpp"

#include "fakes/world.hpp"

#include <algorithm>
#include <random>

using namespace syncline;

BOOST_AUTO_TEST_SUITE(spill_sort)

BOOST_AUTO_TEST_CASE(sorts_more_than_fits_in_memory_and_keeps_every_field) {
    const fakes::TemporaryDirectory directory;
    for (const std::size_t memory : {std::size_t{1}, std::size_t{4'096}, std::size_t{1} << 20U}) {
        SpillSort sort(directory.path(), memory);
        std::mt19937 random(42); // NOLINT: a fixed seed
        std::map<Bytes, std::uint64_t> expected;
        for (std::uint64_t i = 0; i < 5'000; ++i) {
            const Bytes key = "k" + std::to_string(random() % 3'000) + Bytes(1, '\0') + "\xff";
            ItemView item;
            item.key = key;
            item.version = "v";
            item.meta = "m";
            item.id = "i";
            item.hash = "hhh";
            item.hash_algo = HashAlgo::sha256;
            item.kind = ItemKind::link;
            item.size = i;
            item.mtime_ns = -5;
            item.unsettled = true;
            BOOST_REQUIRE(sort.add(item).ok());
            expected[key] = i; // what was said last of a key counts
        }
        BOOST_REQUIRE(sort.finish_adding().ok());
        ItemView item;
        for (const auto& [key, size] : expected) {
            const Result<bool> more = sort.next(item);
            BOOST_REQUIRE(more.ok() && *more);
            BOOST_REQUIRE(item.key == key);
            BOOST_REQUIRE_EQUAL(item.size, size);
            BOOST_REQUIRE(item.version == "v" && item.meta == "m" && item.id == "i" &&
                          item.hash == "hhh");
            BOOST_REQUIRE(item.kind == ItemKind::link && item.unsettled && !item.unreadable &&
                          item.mtime_ns == -5);
        }
        BOOST_TEST(!*sort.next(item));
    }
}

BOOST_AUTO_TEST_CASE(an_empty_listing_is_empty) {
    const fakes::TemporaryDirectory directory;
    SpillSort sort(directory.path(), 1'000);
    BOOST_REQUIRE(sort.finish_adding().ok());
    ItemView item;
    BOOST_TEST(!*sort.next(item));
}

BOOST_AUTO_TEST_CASE(a_spill_directory_that_is_missing_is_named) {
    SpillSort sort("/nonexistent/spill", 1);
    ItemView item;
    item.key = "a";
    BOOST_REQUIRE(sort.add(item).ok());
    const Status failed = sort.finish_adding();
    BOOST_TEST(!failed.ok());
    BOOST_TEST(failed.message().find("/nonexistent/spill") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
