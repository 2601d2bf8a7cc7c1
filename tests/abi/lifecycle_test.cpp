// From the exported object to a configured instance: counting, ids, order of calls.
#include "probe.hpp"

#include <boost/test/unit_test.hpp>

#include <cstring>

using fake::str;

namespace {

const syncline_factory* factory() {
    return static_cast<const syncline_factory*>(
        syncline_entry_v1.get_factory(SYNCLINE_IFACE_FACTORY));
}

struct Initialised {
    Initialised() { BOOST_REQUIRE_EQUAL(syncline_entry_v1.init(host, str("/tmp")), SYNCLINE_OK); }
    ~Initialised() { syncline_entry_v1.deinit(); }
    fake::Host host;
    fake::Call call;
};

const syncline_plugin* const kUntouched = reinterpret_cast<const syncline_plugin*>(0x10);

} // namespace

BOOST_AUTO_TEST_SUITE(lifecycle)

BOOST_AUTO_TEST_CASE(the_entry_says_what_it_was_built_for) {
    BOOST_TEST(syncline_entry_v1.struct_size == sizeof(syncline_entry));
    BOOST_TEST(syncline_entry_v1.abi_major == SYNCLINE_ABI_MAJOR);
    BOOST_TEST(syncline_entry_v1.abi_minor == SYNCLINE_ABI_MINOR);
    BOOST_TEST(syncline_entry_v1.min_host_minor == 0);
    BOOST_TEST(std::strlen(syncline_entry_v1.sdk) > 0U);
}

BOOST_AUTO_TEST_CASE(there_is_no_factory_outside_of_init_and_deinit) {
    fake::Host host;
    BOOST_TEST(factory() == nullptr);
    for (int round = 0; round < 2; ++round) {
        BOOST_TEST(syncline_entry_v1.init(host, str("")) == SYNCLINE_OK);
        BOOST_TEST(syncline_entry_v1.init(host, str("")) == SYNCLINE_OK);
        syncline_entry_v1.deinit();
        BOOST_TEST(factory() != nullptr);
        syncline_entry_v1.deinit();
        BOOST_TEST(factory() == nullptr);
    }
    syncline_entry_v1.deinit();
    BOOST_TEST(syncline_entry_v1.init(host, str("")) == SYNCLINE_OK);
    BOOST_TEST(factory() != nullptr);
    syncline_entry_v1.deinit();
}

BOOST_AUTO_TEST_CASE(init_refuses_hosts_it_cannot_read) {
    fake::Host host;
    host.raw.abi_major = 2;
    BOOST_TEST(syncline_entry_v1.init(host, str("")) == SYNCLINE_E_ABI_MISMATCH);
    host.raw.abi_major = 1;
    host.raw.struct_size -= 8;
    BOOST_TEST(syncline_entry_v1.init(host, str("")) == SYNCLINE_E_ABI_MISMATCH);
    BOOST_TEST(syncline_entry_v1.init(nullptr, str("")) == SYNCLINE_E_INVALID_ARGUMENT);
    BOOST_TEST(factory() == nullptr);
}

BOOST_FIXTURE_TEST_CASE(unknown_factories_and_indices_are_null, Initialised) {
    BOOST_TEST(syncline_entry_v1.get_factory("syncline.factory/2") == nullptr);
    BOOST_TEST(syncline_entry_v1.get_factory("") == nullptr);
    BOOST_TEST(syncline_entry_v1.get_factory("syncline.factory/1x") == nullptr);
    BOOST_TEST(syncline_entry_v1.get_factory(nullptr) == nullptr);
    BOOST_TEST(factory()->count(factory()) == 4U);
    BOOST_TEST(factory()->describe(factory(), 4) == nullptr);
    BOOST_TEST(factory()->describe(factory(), UINT32_MAX) == nullptr);
}

BOOST_FIXTURE_TEST_CASE(descriptors_are_complete_and_stable, Initialised) {
    const syncline_descriptor* probe = factory()->describe(factory(), 0);
    BOOST_REQUIRE(probe != nullptr);
    BOOST_TEST(probe == factory()->describe(factory(), 0));
    BOOST_TEST(probe->struct_size == sizeof(syncline_descriptor));
    BOOST_TEST(probe->kind == SYNCLINE_PLUGIN_CONNECTOR);
    BOOST_TEST(std::string(probe->id) == "test.connector.probe");
    BOOST_TEST(std::string(probe->vendor).empty());
    BOOST_TEST(std::string(probe->schemes[1]) == "probes");
    BOOST_TEST(probe->schemes[2] == nullptr);
    BOOST_TEST(std::string(probe->features[0]) == "everything");
    BOOST_TEST(factory()->describe(factory(), 1)->schemes == nullptr);
    BOOST_TEST(factory()->describe(factory(), 2)->kind == SYNCLINE_PLUGIN_STRATEGY);
    BOOST_TEST(factory()->describe(factory(), 3)->kind == SYNCLINE_PLUGIN_SCHEDULER);
}

BOOST_FIXTURE_TEST_CASE(create_knows_exact_ids_only, Initialised) {
    for (const char* id : {"test.connector.probe2", "test.connector", "", "TEST.connector.probe"}) {
        const syncline_plugin* out = kUntouched;
        BOOST_TEST(factory()->create(factory(), host, call, id, &out) == SYNCLINE_E_NOT_FOUND);
        BOOST_TEST(out == kUntouched);
    }
    BOOST_TEST(!call.error.empty());
}

BOOST_FIXTURE_TEST_CASE(create_asks_nothing_of_the_host, Initialised) {
    const syncline_plugin* out = nullptr;
    BOOST_REQUIRE_EQUAL(factory()->create(factory(), host, call, "test.connector.probe", &out),
                        SYNCLINE_OK);
    BOOST_TEST(host.asked == 0);
    BOOST_TEST(out->desc == factory()->describe(factory(), 0));
    out->destroy(out);
    BOOST_TEST(host.asked == 0);
}

BOOST_AUTO_TEST_CASE(nothing_works_before_configure) {
    probe::Probe ready;
    fake::Host host;
    fake::Instance raw(syncline_entry_v1, host, "test.connector.probe", std::nullopt);
    BOOST_TEST(raw->get_interface(raw, SYNCLINE_IFACE_CONNECTOR) == nullptr);
    fake::Call call;
    fake::ItemSink sink;
    BOOST_TEST(ready.connector->check(raw, call) == SYNCLINE_E_INVALID_STATE);
    BOOST_TEST(ready.connector->stat(raw, call, fake::bytes("full"), sink) ==
               SYNCLINE_E_INVALID_STATE);
    BOOST_TEST(!call.error.empty());
    const auto* interrupt = ready.instance.as<syncline_interrupt>(SYNCLINE_IFACE_INTERRUPT);
    interrupt->interrupt(raw, 9);
    BOOST_TEST(probe::seen().interrupted == 0U);
}

BOOST_AUTO_TEST_CASE(an_instance_is_configured_once) {
    probe::Probe ready;
    BOOST_TEST(ready.instance.configured == SYNCLINE_OK);
    BOOST_TEST(ready.instance->configure(ready.instance, ready.call, str("{}")) ==
               SYNCLINE_E_INVALID_STATE);
    BOOST_TEST(ready.connector->check(ready.instance, ready.call) == SYNCLINE_OK);
}

BOOST_AUTO_TEST_CASE(a_failed_configure_leaves_only_destroy) {
    const std::pair<const char*, syncline_status> cases[] = {
        {R"({"fail":1})", SYNCLINE_E_INTERNAL}, {R"({"items":"x"})", SYNCLINE_E_INVALID_CONFIG},
        {"", SYNCLINE_E_INVALID_CONFIG},        {"[]", SYNCLINE_E_INVALID_CONFIG},
        {"{", SYNCLINE_E_INVALID_CONFIG},
    };
    for (const auto& [config, status] : cases) {
        fake::Host host;
        fake::Instance failed(syncline_entry_v1, host, "test.connector.probe", config);
        BOOST_TEST(failed.configured == status, config);
        BOOST_TEST(!failed.configure_call.error.empty());
        if (status == SYNCLINE_E_INVALID_CONFIG) {
            BOOST_TEST(failed.configure_call.details.count("path") == 1U, config);
        }
        BOOST_TEST(failed->get_interface(failed, SYNCLINE_IFACE_CONNECTOR) == nullptr);
        fake::Call call;
        BOOST_TEST(failed->configure(failed, call, str("{}")) == SYNCLINE_E_INVALID_STATE);
    }
    fake::Host host;
    fake::Instance failed(syncline_entry_v1, host, "test.connector.probe", R"({"items":"x"})");
    BOOST_TEST(failed.configure_call.details["path"] == "/items");
    BOOST_TEST(failed.configure_call.details["expected"] == "a whole number");
}

BOOST_AUTO_TEST_CASE(instances_share_nothing) {
    probe::Probe one(R"({"items":1})");
    probe::Probe three(R"({"items":3})");
    syncline_list_req req{};
    req.struct_size = sizeof(req);
    req.max_items = 100;
    BOOST_TEST(one.connector->list(one.instance, one.call, &req, one.sink) == SYNCLINE_OK);
    BOOST_TEST(three.connector->list(three.instance, three.call, &req, three.sink) == SYNCLINE_OK);
    BOOST_TEST(one.sink.items.size() == 1U);
    BOOST_TEST(three.sink.items.size() == 3U);
}

BOOST_AUTO_TEST_CASE(an_instance_offers_what_its_class_derives_from) {
    const char* const all[] = {SYNCLINE_IFACE_CONNECTOR, SYNCLINE_IFACE_BATCH,
                               SYNCLINE_IFACE_RENAME,    SYNCLINE_IFACE_CHANGES,
                               SYNCLINE_IFACE_WATCH,     SYNCLINE_IFACE_CATALOG,
                               SYNCLINE_IFACE_LOCAL,     SYNCLINE_IFACE_META,
                               SYNCLINE_IFACE_INTERRUPT, SYNCLINE_IFACE_STATE};
    probe::Probe probe;
    fake::Host host;
    fake::Instance plain(syncline_entry_v1, host, "test.connector.plain");
    for (const char* id : all) {
        const void* table = probe.instance->get_interface(probe.instance, id);
        BOOST_TEST(table != nullptr, id);
        BOOST_TEST(table == probe.instance->get_interface(probe.instance, id), id);
        const bool basic = std::strcmp(id, SYNCLINE_IFACE_CONNECTOR) == 0;
        BOOST_TEST((plain->get_interface(plain, id) != nullptr) == basic, id);
    }
    BOOST_TEST(probe.instance->get_interface(probe.instance, SYNCLINE_IFACE_CONFLICT) == nullptr);
    BOOST_TEST(probe.instance->get_interface(probe.instance, "syncline.connector/2") == nullptr);
    BOOST_TEST(probe.instance->get_interface(probe.instance, nullptr) == nullptr);
    probe::Probe modest(R"({"renames":false})");
    BOOST_TEST(modest.instance->get_interface(modest.instance, SYNCLINE_IFACE_RENAME) == nullptr);
    BOOST_TEST(modest.instance->get_interface(modest.instance, SYNCLINE_IFACE_META) != nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
