// Structs of other sizes than ours: older hosts, newer hosts, strides. Guard pages catch an
// over-read.
#include "probe.hpp"

#include <syncline/sdk/sdk.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstring>
#include <limits>

namespace sdk = syncline::sdk;

namespace {

/// A struct that grew: 16 bytes in 1.0, 32 bytes today.
struct Grown {
    std::uint32_t struct_size;
    std::uint32_t reserved0;
    std::uint64_t old_field;
    std::uint64_t new_field;
    std::uint64_t newest_field;
};

syncline_list_req list_request(std::uint32_t max_items) {
    syncline_list_req req{};
    req.struct_size = sizeof(req);
    req.max_items = max_items;
    return req;
}

template <class T>
T sized() {
    T value{};
    value.struct_size = sizeof(T);
    return value;
}

/// An array as a newer host lays it out: each element followed by padding of 0xA5.
template <class T>
struct Padded {
    T value;
    std::array<unsigned char, 24> padding;
};

template <class T>
Padded<T> padded(const T& value) {
    Padded<T> out{value, {}};
    out.padding.fill(0xA5);
    out.value.struct_size = sizeof(out);
    return out;
}

} // namespace

template <>
struct syncline::sdk::FirstSize<Grown> : std::integral_constant<std::size_t, 16> {};

BOOST_AUTO_TEST_SUITE(handshake)

BOOST_AUTO_TEST_CASE(a_shorter_struct_is_read_to_its_end_and_no_further) {
    Grown full{sizeof(Grown), 0, 1, 2, 3};
    fake::BeforeGuard<Grown> first(full, 16);
    const Grown read = sdk::load(first.get());
    BOOST_TEST(read.old_field == 1U);
    BOOST_TEST(read.new_field == 0U);
    BOOST_TEST(SYNCLINE_HAS(&read, old_field));
    BOOST_TEST(!SYNCLINE_HAS(&read, new_field));
    fake::BeforeGuard<Grown> second(full, 24);
    BOOST_TEST(sdk::load(second.get()).new_field == 2U);
    BOOST_TEST(sdk::load(second.get()).newest_field == 0U);
    fake::BeforeGuard<Grown> too_short(full, 8);
    BOOST_CHECK_EXCEPTION(sdk::load(too_short.get()), sdk::Error, [](const sdk::Error& error) {
        return error.status() == SYNCLINE_E_ABI_MISMATCH;
    });
}

BOOST_AUTO_TEST_CASE(a_shorter_result_is_written_to_its_end_and_no_further) {
    fake::BeforeGuard<Grown> out(sized<Grown>(), 24);
    sdk::store(out.get(), Grown{0, 0, 1, 2, 3});
    BOOST_TEST(out.get()->struct_size == 24U);
    BOOST_TEST(out.get()->new_field == 2U);
    fake::BeforeGuard<Grown> too_short(sized<Grown>(), 8);
    BOOST_CHECK_THROW(sdk::store(too_short.get(), Grown{}), sdk::Error);
    BOOST_CHECK_THROW(sdk::store<Grown>(nullptr, Grown{}), sdk::Error);
}

BOOST_AUTO_TEST_CASE(info_fills_an_oldest_host_and_stays_inside) {
    probe::Probe probe;
    fake::BeforeGuard<syncline_connector_info> out(sized<syncline_connector_info>());
    BOOST_TEST(probe.connector->info(probe.instance, probe.call, out.get()) == SYNCLINE_OK);
    BOOST_TEST(out.get()->struct_size == sizeof(syncline_connector_info));
    BOOST_TEST(out.get()->max_key_bytes == 77U);
    BOOST_TEST(out.get()->max_batch_bytes == 99U);
    BOOST_TEST(sdk::view(out.get()->scope_id) == "scope");
    BOOST_TEST(sdk::view(out.get()->scope_path) == "a/b");
}

BOOST_AUTO_TEST_CASE(info_leaves_the_tail_of_a_newer_host_alone) {
    probe::Probe probe;
    fake::Longer<syncline_connector_info> out(syncline_connector_info{});
    BOOST_TEST(probe.connector->info(probe.instance, probe.call, &out.value) == SYNCLINE_OK);
    BOOST_TEST(out.tail_untouched());
    BOOST_TEST(out.value.struct_size == sizeof(syncline_connector_info));
    BOOST_TEST(out.value.caps == SYNCLINE_CAP_LIST_ORDERED);
}

BOOST_AUTO_TEST_CASE(info_refuses_a_result_that_is_too_small) {
    probe::Probe probe;
    auto out = sized<syncline_connector_info>();
    out.struct_size -= 8;
    const auto before = out;
    BOOST_TEST(probe.connector->info(probe.instance, probe.call, &out) == SYNCLINE_E_ABI_MISMATCH);
    BOOST_TEST(std::memcmp(&out, &before, sizeof(out)) == 0);
    BOOST_TEST(probe.connector->info(probe.instance, probe.call, nullptr) ==
               SYNCLINE_E_INVALID_ARGUMENT);
}

BOOST_AUTO_TEST_CASE(requests_and_sinks_of_the_oldest_host_are_not_over_read) {
    probe::Probe probe(R"({"items":3})");
    fake::BeforeGuard<syncline_list_req> req(list_request(10));
    fake::BeforeGuard<syncline_call> call(probe.call.raw);
    fake::BeforeGuard<syncline_item_sink> sink(probe.sink.raw);
    BOOST_TEST(probe.connector->list(probe.instance, call.get(), req.get(), sink.get()) ==
               SYNCLINE_OK);
    BOOST_TEST(probe.sink.items.size() == 3U);
}

BOOST_AUTO_TEST_CASE(requests_and_sinks_of_a_newer_host_are_read) {
    probe::Probe probe(R"({"items":3})");
    fake::Longer<syncline_list_req> req(list_request(2));
    fake::Longer<syncline_call> call(probe.call.raw);
    fake::Longer<syncline_item_sink> sink(probe.sink.raw);
    BOOST_TEST(probe.connector->list(probe.instance, &call.value, &req.value, &sink.value) ==
               SYNCLINE_OK);
    BOOST_TEST(probe.sink.items.size() == 2U);
    BOOST_TEST(probe::seen().max_items == 2U);
    BOOST_TEST(probe.sink.cursor == "1000001");
}

BOOST_AUTO_TEST_CASE(a_put_item_of_another_size_is_read) {
    probe::Probe probe;
    auto item = sized<syncline_item>();
    item.kind = SYNCLINE_KIND_OBJECT;
    item.fields = SYNCLINE_ITEM_SIZE | SYNCLINE_ITEM_MTIME;
    item.size = 4;
    item.mtime_ns = 9;
    fake::BeforeGuard<syncline_item> oldest(item);
    fake::Longer<syncline_item> newer(item);
    for (const syncline_item* given : {oldest.get(), &newer.value}) {
        auto req = sized<syncline_put_req>();
        req.condition = SYNCLINE_COND_ALWAYS;
        req.key = fake::bytes("k");
        req.item = given;
        fake::Reader body("body");
        BOOST_TEST(probe.connector->put(probe.instance, probe.call, &req, body, probe.sink) ==
                   SYNCLINE_OK);
        BOOST_TEST(probe.sink.items.back().mtime_ns.value() == 9);
        BOOST_TEST(probe.sink.items.back().version == "body");
    }
}

BOOST_AUTO_TEST_CASE(structs_below_their_first_size_are_a_mismatch) {
    probe::Probe probe;
    auto req = list_request(1);
    req.struct_size -= 8;
    BOOST_TEST(probe.connector->list(probe.instance, probe.call, &req, probe.sink) ==
               SYNCLINE_E_ABI_MISMATCH);
    BOOST_TEST(!probe.call.error.empty());
    probe.call.error.clear();
    probe.call.raw.struct_size -= 8;
    BOOST_TEST(probe.connector->check(probe.instance, probe.call) == SYNCLINE_E_ABI_MISMATCH);
    BOOST_TEST(probe.call.error.empty());
    BOOST_TEST(probe.connector->check(probe.instance, nullptr) == SYNCLINE_E_INVALID_ARGUMENT);
}

BOOST_AUTO_TEST_CASE(batch_requests_are_walked_by_stride) {
    probe::Probe probe;
    const auto* batch = probe.instance.as<syncline_connector_batch>(SYNCLINE_IFACE_BATCH);
    std::vector<Padded<syncline_get_req>> requests;
    for (const char* key : {"a", "bb", "ccc"}) {
        auto req = sized<syncline_get_req>();
        req.key = fake::bytes(key);
        requests.push_back(padded(req));
    }
    struct Results {
        std::string bodies;
        std::string order;
    } results;
    auto sink = sized<syncline_batch_sink>();
    sink.impl = &results;
    sink.begin = [](const syncline_batch_sink*, std::uint64_t,
                    const syncline_item*) -> syncline_status { return SYNCLINE_OK; };
    sink.write = [](const syncline_batch_sink* s, std::uint64_t, const void* data,
                    std::uint64_t size) -> syncline_status {
        static_cast<Results*>(s->impl)->bodies.append(static_cast<const char*>(data),
                                                      static_cast<std::size_t>(size));
        return SYNCLINE_OK;
    };
    sink.done = [](const syncline_batch_sink* s,
                   const syncline_batch_result* r) -> syncline_status {
        static_cast<Results*>(s->impl)->order += std::to_string(r->index);
        return SYNCLINE_OK;
    };
    BOOST_TEST(batch->get_many(probe.instance, probe.call, &requests[0].value, 3,
                               sizeof(requests[0]), &sink) == SYNCLINE_OK);
    BOOST_TEST(results.bodies == "cccbba");
    BOOST_TEST(results.order == "210");
    BOOST_TEST(batch->get_many(probe.instance, probe.call, &requests[0].value, 3, 16, &sink) ==
               SYNCLINE_E_ABI_MISMATCH);
    BOOST_TEST(batch->get_many(probe.instance, probe.call, nullptr, 3, 64, &sink) ==
               SYNCLINE_E_INVALID_ARGUMENT);
    BOOST_TEST(batch->get_many(probe.instance, probe.call, nullptr, 0, 0, &sink) == SYNCLINE_OK);
}

BOOST_AUTO_TEST_CASE(absurd_counts_are_refused_without_allocating_for_them) {
    probe::Probe probe;
    const auto* batch = probe.instance.as<syncline_connector_batch>(SYNCLINE_IFACE_BATCH);
    auto sink = sized<syncline_batch_sink>();
    BOOST_TEST(batch->get_many(probe.instance, probe.call, nullptr,
                               std::numeric_limits<std::uint64_t>::max(), 56, &sink) < 0);
}

BOOST_AUTO_TEST_CASE(scheduler_requests_are_walked_by_stride) {
    fake::Host host;
    fake::Instance instance(syncline_entry_v1, host, "test.scheduler.echo");
    const auto* scheduler = instance.as<syncline_scheduler>(SYNCLINE_IFACE_SCHEDULER);
    BOOST_REQUIRE(scheduler != nullptr);
    std::vector<Padded<syncline_sync_info>> syncs;
    for (const char* id : {"first", "second"}) {
        auto sync = sized<syncline_sync_info>();
        sync.id = fake::str(id);
        syncs.push_back(padded(sync));
    }
    auto req = sized<syncline_schedule_req>();
    req.now_mono_ns = 10;
    req.syncs = &syncs[0].value;
    req.sync_count = 2;
    req.sync_stride = sizeof(syncs[0]);
    struct Plan {
        std::string ids;
        std::int64_t wake = -1;
    } plan;
    auto sink = sized<syncline_schedule_sink>();
    sink.impl = &plan;
    sink.run = [](const syncline_schedule_sink* s,
                  const syncline_schedule_entry* e) -> syncline_status {
        auto& into = *static_cast<Plan*>(s->impl);
        into.ids +=
            std::string(fake::view(e->sync_id)) + "@" + std::to_string(e->not_before_mono_ns) + " ";
        return SYNCLINE_OK;
    };
    sink.wake = [](const syncline_schedule_sink* s, std::int64_t at) -> syncline_status {
        static_cast<Plan*>(s->impl)->wake = at;
        return SYNCLINE_OK;
    };
    fake::Call call;
    BOOST_TEST(scheduler->schedule(instance, call, &req, &sink) == SYNCLINE_OK);
    BOOST_TEST(plan.ids == "first@11 second@11 ");
    BOOST_TEST(plan.wake == 0);

    auto run = sized<syncline_run_info>();
    run.run_id = 12;
    fake::BeforeGuard<syncline_run_info> guarded(run);
    auto event = sized<syncline_event>();
    event.type = SYNCLINE_EVENT_RUN_FINISHED;
    event.run = guarded.get();
    BOOST_TEST(scheduler->on_event(instance, call, &event) == SYNCLINE_OK);
    BOOST_TEST(probe::seen().last == "run 12");
}

BOOST_AUTO_TEST_CASE(a_conflict_of_another_size_is_read) {
    fake::Host host;
    fake::Instance instance(syncline_entry_v1, host, "test.strategy.echo");
    const auto* strategy = instance.as<syncline_conflict_strategy>(SYNCLINE_IFACE_CONFLICT);
    BOOST_REQUIRE(strategy != nullptr);
    auto item = sized<syncline_item>();
    item.key = fake::bytes("source");
    fake::Longer<syncline_item> longer(item);
    auto content = sized<syncline_content>();
    content.size = SYNCLINE_SIZE_UNKNOWN;
    content.read_at = [](const syncline_content*, const syncline_call*, std::uint64_t offset,
                         void* buf, std::uint64_t) -> std::int64_t {
        if (offset >= 4) {
            return 0;
        }
        std::memcpy(buf, &"text"[offset], 1);
        return 1;
    };
    fake::BeforeGuard<syncline_content> guarded(content);
    auto conflict = sized<syncline_conflict>();
    conflict.kind = SYNCLINE_CONFLICT_BOTH_CHANGED;
    conflict.key = fake::bytes("the key");
    conflict.source = &longer.value;
    conflict.source_content = guarded.get();
    fake::BeforeGuard<syncline_conflict> oldest(conflict);
    fake::Call call;
    fake::DecisionSink sink;
    BOOST_TEST(strategy->decide(instance, call, oldest.get(), sink) == SYNCLINE_OK);
    BOOST_TEST(sink.decisions == 1);
    BOOST_TEST(sink.action == SYNCLINE_DECISION_MERGE);
    BOOST_TEST(sink.merged == "source+text");
    BOOST_TEST(sink.reason == "the key");
}

BOOST_AUTO_TEST_SUITE_END()
