// The fakes behave as the wrappers of real plugins do, else what is tested with them proves
// nothing.
#include "fakes/fake_connector.hpp"
#include "fakes/fake_strategy.hpp"
#include "support.hpp"

#include <algorithm>

using namespace syncline;
using namespace syncline::fakes;
using namespace syncline::test;

BOOST_AUTO_TEST_SUITE(fakes_suite)

namespace {

std::vector<Bytes> keys(FakeConnector& store, const ListRequest& asked = {}) {
    ListRequest request = asked;
    std::vector<Bytes> all;
    Bytes cursor;
    do {
        request.cursor = cursor;
        FakeItemSink sink;
        auto next = store.list({}, request, sink);
        BOOST_REQUIRE(next.ok());
        for (const Item& item : sink.items()) {
            all.push_back(item.key);
        }
        cursor = *std::move(next);
    } while (!cursor.empty());
    return all;
}

Result<Item> put(FakeConnector& store, BytesView key, BytesView content, Condition condition,
                 BytesView version = {}) {
    PutRequest request;
    request.key = key;
    request.condition = condition;
    request.expected_version = version;
    FakeBody body(content);
    return store.put({}, request, body);
}

} // namespace

BOOST_AUTO_TEST_CASE(listings_come_whole_in_pages_of_any_size) {
    FakeConnector store;
    std::vector<Bytes> expected;
    for (int number = 0; number < 50; ++number) {
        expected.push_back("k" + std::to_string(100 + number));
        store.add_object(expected.back(), "x");
    }
    for (const std::uint32_t page : {0U, 1U, 7U, 50U}) {
        store.page_items = page;
        store.info_answer.lists_in_order = true;
        BOOST_TEST(keys(store) == expected);
        store.info_answer.lists_in_order = false;
        auto shuffled = keys(store);
        BOOST_TEST((shuffled != expected));
        std::ranges::sort(shuffled);
        BOOST_TEST(shuffled == expected);
    }
    store.info_answer.lists_in_order = true;
    ListRequest request;
    request.prefix = "k14";
    request.start_after = "k147";
    BOOST_TEST(keys(store, request).size() == 2U);
}

BOOST_AUTO_TEST_CASE(conditions_are_honoured) {
    FakeConnector store;
    const auto made = put(store, "a", "1", Condition::if_absent);
    BOOST_REQUIRE(made.ok());
    const auto exists = put(store, "a", "2", Condition::if_absent);
    BOOST_TEST(exists.code() == Code::already_exists);
    BOOST_TEST(exists.status().detail("current_version") == made->version);
    BOOST_TEST(put(store, "a", "2", Condition::if_version, "other").code() == Code::conflict);
    BOOST_TEST(put(store, "a", "2", Condition::if_version, made->version).ok());
    BOOST_TEST(put(store, "b", "2", Condition::if_version, "v").code() == Code::conflict);
    BOOST_TEST(put(store, "a", "3", Condition::always).ok());
    BOOST_TEST(*store.content("a") == "3");
    RemoveRequest request;
    request.key = "a";
    request.expected_version = made->version;
    BOOST_TEST(store.remove({}, request).code() == Code::conflict);
    const Bytes version = store.item("a")->version;
    request.expected_version = version;
    BOOST_TEST(store.remove({}, request).ok());
    BOOST_TEST(store.remove({}, request).code() == Code::not_found);
}

BOOST_AUTO_TEST_CASE(containers_and_links) {
    FakeConnector store;
    BOOST_TEST(put(store, "d/", "", Condition::if_absent).ok());
    store.add_link("d/l", "target");
    RemoveRequest request;
    request.key = "d/";
    BOOST_TEST(store.remove({}, request).code() == Code::conflict);
    BOOST_TEST(put(store, "d", "x", Condition::if_absent).code() == Code::already_exists);
    FakeBodySink sink;
    GetRequest get;
    get.key = "d/l";
    BOOST_TEST(store.get({}, get, sink).ok());
    BOOST_TEST(sink.bytes() == "target");
    store.needs_parents = true;
    BOOST_TEST(put(store, "e/f", "x", Condition::if_absent).code() == Code::not_found);
}

BOOST_AUTO_TEST_CASE(failures_hit_the_call_they_are_meant_for) {
    FakeConnector store;
    store.fail({.op = FakeOp::put, .key = "a", .nth = 2});
    store.fail({.op = FakeOp::put, .key = "z", .after_effect = true});
    BOOST_TEST(put(store, "a", "1", Condition::always).ok());
    BOOST_TEST(put(store, "b", "1", Condition::always).ok());
    BOOST_TEST(put(store, "a", "2", Condition::always).code() == Code::unavailable);
    BOOST_TEST(*store.content("a") == "1");
    BOOST_TEST(put(store, "a", "3", Condition::always).ok());
    BOOST_TEST(!put(store, "z", "1", Condition::always).ok());
    BOOST_TEST(store.content("z").has_value());
    BOOST_TEST(store.calls(FakeOp::put) == 5U);
    store.fail_listing_after = 1;
    FakeItemSink sink;
    BOOST_TEST(!store.list({}, {}, sink).ok());
    BOOST_TEST(sink.items().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_power_cut_loses_what_was_not_flushed) {
    FakeConnector store;
    store.durable_only_after_flush = true;
    BOOST_TEST(put(store, "a", "1", Condition::always).ok());
    BOOST_TEST(store.flush({}).ok());
    BOOST_TEST(put(store, "b", "1", Condition::always).ok());
    store.lose_unflushed();
    BOOST_TEST(store.size() == 1U);
    BOOST_TEST(store.flushes() == 1U);
}

BOOST_AUTO_TEST_CASE(renames_keep_the_identity) {
    FakeConnector store;
    store.add_object("a", "1");
    RenameRequest request;
    request.from_key = "a";
    request.to_key = "b";
    const Bytes id = store.item("a")->id;
    const auto item = store.renamer()->rename({}, request);
    BOOST_REQUIRE(item.ok());
    BOOST_TEST(item->id == id);
    BOOST_TEST(!store.item("a").has_value());
    store.offers_rename = false;
    BOOST_TEST(store.renamer() == nullptr);
}

BOOST_AUTO_TEST_CASE(a_strategy_from_a_lambda) {
    FakeStrategy strategy([](const Conflict& conflict) {
        Decision decision;
        decision.action = DecisionAction::skip;
        decision.reason = Bytes(conflict.key);
        return decision;
    });
    Conflict conflict;
    conflict.key = "k";
    BOOST_TEST(strategy.decide({}, conflict)->reason == "k");
    BOOST_TEST(strategy.questions() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
