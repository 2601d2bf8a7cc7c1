// Pairing by itself: which end goes with which, whatever the plan makes of it.
#include "syncline/state/rename_index.hpp"

#include <boost/test/unit_test.hpp>
#include <set>

using namespace syncline;

namespace {

struct Index {
    Result<std::unique_ptr<RenameIndex>> made = make_rename_index();
    RenameIndex& index = **made;

    static RenameEnd end(std::int64_t op, BytesView key, BytesView id, std::uint64_t size,
                         BytesView hash, bool is_update = false) {
        RenameEnd end;
        end.op = op;
        end.key = key;
        end.id = id;
        end.size = size;
        end.hash = hash;
        end.is_update = is_update;
        if (is_container_key(key)) {
            end.kind = ItemKind::container;
        }
        return end;
    }
    void gone(std::int64_t op, BytesView key, BytesView id, std::uint64_t size = 1,
              BytesView hash = {}, bool is_update = false) {
        BOOST_REQUIRE(index.add_gone(end(op, key, id, size, hash, is_update)).ok());
    }
    void come(std::int64_t op, BytesView key, BytesView id, std::uint64_t size = 1,
              BytesView hash = {}, bool is_update = false) {
        BOOST_REQUIRE(index.add_come(end(op, key, id, size, hash, is_update)).ok());
    }
    std::vector<std::pair<std::int64_t, std::int64_t>> by_id(std::size_t at_most = 100) {
        std::vector<std::pair<std::int64_t, std::int64_t>> all;
        while (true) {
            const Result<std::vector<RenamePair>> some = index.next_by_id(at_most);
            BOOST_REQUIRE(some.ok());
            if (some->empty()) {
                return all;
            }
            for (const RenamePair& pair : *some) {
                all.emplace_back(pair.gone, pair.come);
                BOOST_REQUIRE(index.add_pair(pair).ok());
            }
        }
    }
    std::vector<std::pair<std::int64_t, std::int64_t>> plain() {
        std::vector<std::pair<std::int64_t, std::int64_t>> all;
        BOOST_REQUIRE(index
                          .each_plain([&](const RenamePair& pair) {
                              all.emplace_back(pair.gone, pair.come);
                              return Status();
                          })
                          .ok());
        return all;
    }
};

using Pairs = std::vector<std::pair<std::int64_t, std::int64_t>>;

} // namespace

BOOST_AUTO_TEST_SUITE(rename_index)

BOOST_AUTO_TEST_CASE(identities_pair_once_each_in_the_order_of_keys) {
    Index i;
    i.gone(1, "a", "one");
    i.gone(2, "b", "linked");
    i.gone(3, "c", "linked");
    i.gone(4, "d", "");
    i.come(5, "e", "linked");
    i.come(6, "f", "linked");
    i.come(7, "g", "linked");
    i.come(8, "h", "one");
    i.come(9, "i", "");
    BOOST_TEST((i.by_id(1) == Pairs{{1, 8}, {2, 5}, {3, 6}}));
    BOOST_TEST((i.plain() == Pairs{{2, 5}, {3, 6}, {1, 8}}));
}

BOOST_AUTO_TEST_CASE(content_pairs_what_identities_left) {
    Index i;
    i.gone(1, "a", "one", 10, "X");
    i.gone(2, "b", "", 10, "X");
    i.gone(3, "c", "", 10, "Y");
    i.gone(4, "d", "", 0, "empty");
    i.come(5, "e", "one", 10);
    i.come(6, "f", "", 10);
    i.come(7, "g", "", 11);
    i.come(8, "h", "", 0);
    BOOST_TEST((i.by_id() == Pairs{{1, 5}}));
    const Result<std::vector<std::int64_t>> wanted = i.index.next_come_without_hash(10);
    BOOST_TEST((*wanted == std::vector<std::int64_t>{6})); // only of a size that something has
    BOOST_REQUIRE(i.index.set_come_hash(6, "X").ok());
    BOOST_REQUIRE(i.index.pair_by_hash().ok());
    BOOST_TEST((i.plain() == Pairs{{1, 5}, {2, 6}}));
}

BOOST_AUTO_TEST_CASE(a_name_that_stays_taken_is_given_to_nobody) {
    Index i;
    i.gone(1, "a", "A");
    i.gone(2, "b", "B", 1, {}, true);
    i.come(2, "b", "A", 1, {}, true);
    i.come(3, "c", "C");
    BOOST_TEST((i.by_id() == Pairs{{1, 2}}));
    BOOST_REQUIRE(i.index.drop_blocked().ok());
    BOOST_TEST(i.plain().empty());
    BOOST_REQUIRE(i.index
                      .each_chain([](const std::vector<RenamePair>&, bool) {
                          BOOST_ERROR("nothing is left of it");
                          return Status();
                      })
                      .ok());
}

BOOST_AUTO_TEST_CASE(chains_come_with_the_free_name_first_and_cycles_with_the_one_aside_last) {
    Index i;
    i.gone(1, "a", "A", 1, {}, true); // a -> b -> c -> d, and a is new
    i.gone(2, "b", "B", 1, {}, true);
    i.gone(3, "c", "C", 1, {}, true);
    i.come(2, "b", "A", 1, {}, true);
    i.come(3, "c", "B", 1, {}, true);
    i.come(4, "d", "C");
    i.gone(5, "x", "X", 1, {}, true); // x -> y -> z -> x
    i.gone(6, "y", "Y", 1, {}, true);
    i.gone(7, "z", "Z", 1, {}, true);
    i.come(5, "x", "Z", 1, {}, true);
    i.come(6, "y", "X", 1, {}, true);
    i.come(7, "z", "Y", 1, {}, true);
    i.by_id();
    BOOST_REQUIRE(i.index.drop_blocked().ok());
    std::vector<Pairs> chains;
    std::vector<bool> cycles;
    BOOST_REQUIRE(i.index
                      .each_chain([&](const std::vector<RenamePair>& pairs, bool is_cycle) {
                          Pairs chain;
                          for (const RenamePair& pair : pairs) {
                              chain.emplace_back(pair.gone, pair.come);
                          }
                          chains.push_back(chain);
                          cycles.push_back(is_cycle);
                          return Status();
                      })
                      .ok());
    BOOST_TEST((chains == std::vector<Pairs>{{{3, 4}, {2, 3}, {1, 2}}, {{7, 5}, {6, 7}, {5, 6}}}));
    BOOST_TEST((cycles == std::vector<bool>{false, true}));
}

BOOST_AUTO_TEST_CASE(a_container_moves_whole_only_if_all_below_it_agrees) {
    for (const char* odd : {"", "elsewhere", "changed", "bound", "left"}) {
        const std::string_view what = odd;
        Index i;
        i.gone(1, "d/", "D");
        i.gone(2, "d/s/", "S");
        i.gone(3, "d/s/x", "X");
        i.gone(4, "d/y", "Y");
        if (what == "bound") {
            RenameEnd bound = Index::end(5, "d/z", "", 1, {});
            bound.is_bound = true;
            BOOST_REQUIRE(i.index.add_gone(bound).ok());
        } else if (what == "left") {
            i.gone(5, "d/z", "");
        }
        i.come(10, "e/", "D");
        i.come(11, "e/new/", "N");
        i.come(12, "e/s/", "S");
        i.come(13, "e/s/x", "X");
        i.come(14, what == "elsewhere" ? "e/other" : "e/y", "Y");
        while (true) {
            const Result<std::vector<RenamePair>> pairs = i.index.next_by_id(10);
            if (pairs->empty()) {
                break;
            }
            for (RenamePair pair : *pairs) {
                pair.same = what != "changed" || pair.gone != 4;
                BOOST_REQUIRE(i.index.add_pair(pair).ok());
            }
        }
        const Result<std::optional<RenamePair>> first = i.index.next_whole_container();
        BOOST_REQUIRE(first.ok());
        BOOST_REQUIRE(first->has_value());
        // Where the whole cannot move, what is below it still can.
        BOOST_TEST((*first)->gone == (what.empty() ? 1 : 2));
        BOOST_TEST((*first)->come == (what.empty() ? 10 : 12));
        std::set<std::pair<std::int64_t, std::int64_t>> below;
        BOOST_REQUIRE(i.index
                          .each_below(**first,
                                      [&](const RenamePair& pair) {
                                          below.emplace(pair.gone, pair.come);
                                          return Status();
                                      })
                          .ok());
        using Below = std::set<std::pair<std::int64_t, std::int64_t>>;
        BOOST_TEST((below == (what.empty() ? Below{{2, 12}, {3, 13}, {4, 14}} : Below{{3, 13}})));
        BOOST_REQUIRE(i.index.forget_below(**first).ok());
        BOOST_TEST(!i.index.next_whole_container()->has_value());
    }
}

BOOST_AUTO_TEST_SUITE_END()
