// The listing path: pages, stops and what it costs.
#include "allocation_count.hpp"
#include "probe.hpp"

#include <syncline/sdk/sdk.hpp>

#include <boost/test/unit_test.hpp>

#include <set>

namespace sdk = syncline::sdk;

namespace {

syncline_list_req page(const std::string& cursor, std::uint32_t max_items) {
    syncline_list_req req{};
    req.struct_size = sizeof(req);
    req.cursor = fake::bytes(cursor);
    req.max_items = max_items;
    return req;
}

/// Lists to the end in pages and returns all keys.
std::vector<std::string> list_all(probe::Probe& probe, std::uint32_t max_items,
                                  std::size_t stop_at) {
    std::vector<std::string> keys;
    std::string cursor;
    do {
        fake::ItemSink sink;
        sink.stop_at = stop_at;
        const syncline_list_req req = page(cursor, max_items);
        BOOST_REQUIRE_EQUAL(probe.connector->list(probe.instance, probe.call, &req, sink),
                            SYNCLINE_OK);
        BOOST_REQUIRE_LE(sink.items.size(), max_items);
        BOOST_REQUIRE_LE(sink.nexts, 1);
        for (const sdk::Item& item : sink.items) {
            BOOST_REQUIRE_EQUAL(item.meta->size(), 2U);
            BOOST_REQUIRE_EQUAL(item.meta->at(1).second, item.key);
            keys.push_back(item.key);
        }
        cursor = sink.cursor;
    } while (!cursor.empty());
    return keys;
}

} // namespace

BOOST_AUTO_TEST_SUITE(listing)

BOOST_AUTO_TEST_CASE(pages_and_stops_neither_lose_nor_repeat_items) {
    for (const std::size_t items : {0U, 1U, 15U, 16U, 17U, 100U}) {
        probe::Probe probe("{\"items\":" + std::to_string(items) + "}");
        for (const std::uint32_t max_items : {1U, 7U, 16U, 1000U, UINT32_MAX}) {
            for (const std::size_t stop_at : {std::size_t{1}, std::size_t{20}, SIZE_MAX}) {
                const auto keys = list_all(probe, max_items, stop_at);
                const std::set<std::string> unique(keys.begin(), keys.end());
                BOOST_TEST(keys.size() == items);
                BOOST_TEST(unique.size() == items);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(an_empty_store_is_a_page_without_cursor) {
    probe::Probe probe;
    const syncline_list_req req = page("", 10);
    BOOST_TEST(probe.connector->list(probe.instance, probe.call, &req, probe.sink) == SYNCLINE_OK);
    BOOST_TEST(probe.sink.pushes == 0);
    BOOST_TEST(probe.sink.nexts == 0);
}

BOOST_AUTO_TEST_CASE(a_page_without_room_is_the_hosts_mistake) {
    probe::Probe probe;
    const syncline_list_req req = page("", 0);
    BOOST_TEST(probe.connector->list(probe.instance, probe.call, &req, probe.sink) ==
               SYNCLINE_E_INVALID_ARGUMENT);
}

BOOST_AUTO_TEST_CASE(a_failing_sink_ends_the_listing_with_its_status) {
    probe::Probe probe(R"({"items":100})");
    probe.sink.fail_with = SYNCLINE_E_ABORTED;
    const syncline_list_req req = page("", 1000);
    BOOST_TEST(probe.connector->list(probe.instance, probe.call, &req, probe.sink) ==
               SYNCLINE_E_ABORTED);
    BOOST_TEST(probe.sink.pushes == 1);
}

BOOST_AUTO_TEST_CASE(items_cost_no_allocations) {
    probe::Probe probe(R"({"items":20000})");
    syncline_item_sink sink{};
    std::uint64_t seen = 0;
    sink.struct_size = sizeof(sink);
    sink.impl = &seen;
    sink.items = [](const syncline_item_sink* s, const syncline_item*, std::uint64_t count,
                    std::uint64_t) -> syncline_status {
        *static_cast<std::uint64_t*>(s->impl) += count;
        return SYNCLINE_OK;
    };
    const syncline_list_req req = page("", UINT32_MAX);
    const std::size_t before = allocation_count();
    BOOST_REQUIRE_EQUAL(probe.connector->list(probe.instance, probe.call, &req, &sink),
                        SYNCLINE_OK);
    BOOST_TEST(seen == 20000U);
    BOOST_TEST(allocation_count() - before < 30U);
}

BOOST_AUTO_TEST_CASE(a_page_keeps_owned_and_borrowed_items_apart) {
    sdk::ItemPage items(4, 8);
    items.add("a").meta("name", "a value longer than a block");
    const syncline_kv borrowed_meta[] = {{fake::str("borrowed"), fake::bytes("yes")}};
    syncline_item borrowed{};
    borrowed.struct_size = sizeof(borrowed);
    borrowed.key = fake::bytes("b");
    borrowed.fields = SYNCLINE_ITEM_META;
    borrowed.meta = {borrowed_meta, 1};
    items.add_borrowed(borrowed);
    static_cast<void>(items.data());
    items.add("c").meta("x", "1").meta("y", "2").version("v").hash(SYNCLINE_HASH_MD5, "h");
    sdk::Item owned;
    owned.key = "d";
    owned.meta.emplace();
    items.add(owned);
    BOOST_TEST(items.full());
    BOOST_CHECK_THROW(items.add("e"), sdk::Error);
    const syncline_item* all = items.data();
    BOOST_TEST((sdk::ItemView(all[0]).meta("name") == "a value longer than a block"));
    BOOST_TEST((sdk::ItemView(all[1]).meta("borrowed") == "yes"));
    BOOST_TEST((sdk::ItemView(all[2]).meta("y") == "2"));
    BOOST_TEST(sdk::ItemView(all[3]).has_meta());
    BOOST_TEST(sdk::ItemView(all[3]).meta_count() == 0U);
    BOOST_TEST(items.last_key() == "d");
    items.clear();
    BOOST_TEST(items.empty());
}

BOOST_AUTO_TEST_CASE(pushing_after_a_stop_is_the_plugins_mistake) {
    fake::ItemSink host;
    host.stop_at = 1;
    sdk::ItemSink sink(host);
    sdk::Item item;
    BOOST_TEST((sink.push(item) == sdk::Flow::kStop));
    BOOST_CHECK_THROW(static_cast<void>(sink.push(item)), sdk::Error);
}

BOOST_AUTO_TEST_SUITE_END()
