// Several resource types in one sync, and keys that look different on the target.
#include "fakes/world.hpp"
#include "syncline/orchestrate/key_map.hpp"

using namespace syncline;
using namespace syncline::fakes;

namespace {

struct Typed : World {
    FakeConnector& customers = registry.store("a#customers");
    FakeConnector& orders = registry.store("a#orders");
    FakeConnector& customer_files = registry.store("b#customer-files");
    FakeConnector& order_files = registry.store("b#order-files");

    Typed() {
        ResourceSpec first;
        first.name = "customers";
        first.source_type = "customers";
        first.target_type = "customer-files";
        first.key_pattern = "all/{key}.json";
        ResourceSpec second;
        second.name = "orders";
        second.source_type = "orders";
        second.target_type = "order-files";
        resources = {first, second};
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(resources)

BOOST_AUTO_TEST_CASE(key_patterns_map_both_ways) {
    const KeyMap map = *KeyMap::make("all/{key}.json");
    BOOST_TEST(map.to_target("x/1") == "all/x/1.json");
    BOOST_TEST(map.to_target("x/") == "all/x/");
    BOOST_TEST(*map.to_source("all/x/1.json") == "x/1");
    BOOST_TEST(*map.to_source("all/x/") == "x/");
    for (const char* other : {"all/", "all/x.txt", "all/.json", "all/x/.json", "else/x.json"}) {
        BOOST_TEST(!map.to_source(other).has_value(), other);
    }
    BOOST_TEST(KeyMap().changes_nothing());
    for (const char* wrong : {"", "x", "{key}{key}", "a{key}", "/a/{key}", "{key}/x"}) {
        BOOST_TEST((KeyMap::make(wrong).code() == Code::invalid_config), wrong);
    }
}

BOOST_AUTO_TEST_CASE(each_type_has_rules_chain_base_and_keys_of_its_own) {
    Typed w;
    w.customers.add_object("1", "one", 1'000);
    w.customers.add_object("10", "ten", 1'000); // `1.json` and `10.json` change places in order
    w.customers.add_object("1-old", "old", 1'000);
    w.customer_files.add_object("all/2.json", "two", 1'000);
    w.customer_files.add_object("notes.txt", "not a customer", 1'000);
    w.orders.add_object("1", "order", 1'000);
    w.orders.add_object("clash", "source", 1'000);
    w.order_files.add_object("clash", "target", 1'000);
    w.resources[0].rules.filter = *KeyFilter::make({{false, "*-old"}});
    w.resources[1].strategies = {"target-wins"};
    const SyncReport report = w.run();
    BOOST_TEST(exit_code_of(report) == 0);
    BOOST_REQUIRE(report.resources.size() == 2U);
    BOOST_TEST(report.resources[0].outcomes.ok == 3U);
    BOOST_TEST(report.resources[1].outcomes.ok == 2U);
    BOOST_TEST(report.outcomes.ok == 5U);
    BOOST_TEST(
        (w.customer_files.contents() == std::map<Bytes, Bytes>{{"all/1.json", "one"},
                                                               {"all/10.json", "ten"},
                                                               {"all/2.json", "two"},
                                                               {"notes.txt", "not a customer"}}));
    BOOST_TEST(*w.customers.content("2") == "two");
    BOOST_TEST(*w.orders.content("clash") == "target");
    BOOST_TEST(w.run().outcomes.planned == 0U);

    w.customers.erase("1"); // and what `1` is among the orders stays
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(!w.customer_files.content("all/1.json").has_value());
    BOOST_TEST(*w.order_files.content("1") == "order");
    BOOST_TEST(report_json(report, 0).find("\"resource\": \"orders\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_guard_of_one_type_stops_all_before_anything_changes) {
    Typed w;
    for (int i = 0; i < 10; ++i) {
        w.orders.add_object(std::to_string(i), "order", 1'000);
    }
    w.run();
    for (int i = 0; i < 8; ++i) {
        w.orders.erase(std::to_string(i));
    }
    w.customers.add_object("new", "n", 1'000);
    const SyncReport report = w.run();
    BOOST_TEST(exit_code_of(report) == 8);
    BOOST_TEST(report.guard.message().starts_with("orders: "), report.guard.message());
    BOOST_TEST(w.customer_files.size() == 0U);
    BOOST_TEST(w.order_files.size() == 10U);
}

BOOST_AUTO_TEST_CASE(types_need_names_and_patterns_that_can_be_used) {
    Typed w;
    w.resources[1].name = "customers";
    BOOST_TEST((w.try_run().code() == Code::invalid_config));
    w.resources[1].name.clear();
    BOOST_TEST((w.try_run().code() == Code::invalid_config));
    w.resources[1].name = "orders";
    w.resources[0].key_pattern = "all.json";
    BOOST_TEST((w.try_run().code() == Code::invalid_config));
}

BOOST_AUTO_TEST_SUITE_END()
