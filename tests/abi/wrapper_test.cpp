// What authors write and what hosts see of it: errors, streams, optional interfaces, host services.
#include "probe.hpp"

#include <boost/test/unit_test.hpp>

namespace {

template <class T>
T sized() {
    T value{};
    value.struct_size = sizeof(T);
    return value;
}

struct PutRequest {
    explicit PutRequest(const char* key, std::uint32_t condition = SYNCLINE_COND_ALWAYS) {
        item.kind = SYNCLINE_KIND_OBJECT;
        req.condition = condition;
        req.key = fake::bytes(key);
        req.item = &item;
    }
    syncline_item item = sized<syncline_item>();
    syncline_put_req req = sized<syncline_put_req>();
};

} // namespace

BOOST_AUTO_TEST_SUITE(wrapper)

BOOST_AUTO_TEST_CASE(an_error_becomes_status_text_details_and_retry) {
    probe::Probe probe;
    BOOST_TEST(probe.stat("error") == SYNCLINE_E_RATE_LIMITED);
    BOOST_TEST(probe.call.error == "slow down");
    BOOST_TEST(probe.call.details["http_status"] == "429");
    BOOST_TEST(probe.call.retry_class == SYNCLINE_RETRY_AFTER);
    BOOST_TEST(probe.call.retry_after_ms == 1500);
    BOOST_TEST(probe.sink.items.empty());
}

BOOST_AUTO_TEST_CASE(no_exception_leaves_the_plugin) {
    const std::pair<const char*, syncline_status> cases[] = {
        {"bad_alloc", SYNCLINE_E_OUT_OF_MEMORY},
        {"runtime_error", SYNCLINE_E_INTERNAL},
        {"int", SYNCLINE_E_INTERNAL},
        {"positive", SYNCLINE_E_INTERNAL},
        {"absent", SYNCLINE_E_NOT_FOUND},
    };
    for (const auto& [key, status] : cases) {
        probe::Probe probe;
        BOOST_TEST(probe.stat(key) == status, key);
        BOOST_TEST(!probe.call.error.empty(), key);
    }
    probe::Probe probe;
    probe.stat("runtime_error");
    BOOST_TEST(probe.call.error == "broken");
}

BOOST_AUTO_TEST_CASE(all_fields_of_an_item_arrive) {
    probe::Probe probe;
    BOOST_REQUIRE_EQUAL(probe.stat("full"), SYNCLINE_OK);
    BOOST_REQUIRE_EQUAL(probe.sink.items.size(), 1U);
    const syncline::sdk::Item& item = probe.sink.items[0];
    BOOST_TEST(item.key == "full");
    BOOST_TEST((item.kind == syncline::sdk::Kind::kLink));
    BOOST_TEST(item.version == "v1");
    BOOST_TEST(item.size.value() == 3U);
    BOOST_TEST(item.mtime_ns.value() == -5);
    BOOST_TEST(item.hash_algo == SYNCLINE_HASH_MD5);
    BOOST_TEST(item.hash == std::string("\x00\x01", 2));
    BOOST_REQUIRE(item.meta.has_value());
    BOOST_TEST(item.meta->at(0).first == "posix.executable");
    BOOST_TEST(item.flags == SYNCLINE_ITEM_UNSETTLED);
    BOOST_TEST(item.id == "7");
}

BOOST_AUTO_TEST_CASE(failures_of_host_streams_come_back_unchanged) {
    probe::Probe probe;
    probe.sink.fail_with = SYNCLINE_E_QUOTA_EXCEEDED;
    BOOST_TEST(probe.stat("full") == SYNCLINE_E_QUOTA_EXCEEDED);
    BOOST_TEST(probe.call.error.empty());

    auto get = sized<syncline_get_req>();
    get.key = fake::bytes("k");
    get.length = SYNCLINE_LENGTH_ALL;
    fake::GetSink body;
    body.fail_with = SYNCLINE_E_ABORTED;
    BOOST_TEST(probe.connector->get(probe.instance, probe.call, &get, body) == SYNCLINE_E_ABORTED);
    BOOST_TEST(body.begins == 1);

    PutRequest put("k");
    fake::Reader reader("a body of more than one piece");
    reader.fail_at = 23;
    reader.fail_with = SYNCLINE_E_CANCELLED;
    probe.sink.fail_with = 0;
    BOOST_TEST(probe.connector->put(probe.instance, probe.call, &put.req, reader, probe.sink) ==
               SYNCLINE_E_CANCELLED);
    BOOST_TEST(probe.sink.items.empty());
}

BOOST_AUTO_TEST_CASE(stop_after_one_item_is_no_error) {
    probe::Probe probe;
    probe.sink.stop_at = 1;
    BOOST_TEST(probe.stat("full") == SYNCLINE_OK);
}

BOOST_AUTO_TEST_CASE(bodies_pass_in_both_directions) {
    probe::Probe probe;
    auto get = sized<syncline_get_req>();
    get.key = fake::bytes("k");
    get.length = SYNCLINE_LENGTH_ALL;
    fake::GetSink body;
    BOOST_TEST(probe.connector->get(probe.instance, probe.call, &get, body) == SYNCLINE_OK);
    BOOST_TEST(body.body == "some bytes");

    PutRequest put("k");
    fake::Reader reader("a body of more than one piece");
    BOOST_TEST(probe.connector->put(probe.instance, probe.call, &put.req, reader, probe.sink) ==
               SYNCLINE_OK);
    BOOST_TEST(probe.sink.items.at(0).version == reader.body);
    BOOST_TEST(probe.connector->put(probe.instance, probe.call, &put.req, nullptr, probe.sink) ==
               SYNCLINE_OK);
    BOOST_TEST(probe.sink.items.at(1).version.empty());
}

BOOST_AUTO_TEST_CASE(a_body_of_the_wrong_length_is_refused) {
    probe::Probe probe;
    PutRequest put("k");
    for (const int difference : {-1, 1}) {
        fake::Reader reader("twelve bytes");
        reader.raw.size = static_cast<std::uint64_t>(12 + difference);
        BOOST_TEST(probe.connector->put(probe.instance, probe.call, &put.req, reader, probe.sink) ==
                   SYNCLINE_E_INTEGRITY);
    }
    fake::Reader large(std::string(5000, 'x'));
    large.piece = 4096;
    BOOST_TEST(probe.connector->put(probe.instance, probe.call, &put.req, large, probe.sink) ==
               SYNCLINE_E_TOO_LARGE);
    BOOST_TEST(probe.sink.items.empty());
}

BOOST_AUTO_TEST_CASE(conditions_that_are_not_known_never_reach_the_connector) {
    probe::Probe probe;
    fake::Reader reader("x");
    PutRequest none("k", 0);
    BOOST_TEST(probe.connector->put(probe.instance, probe.call, &none.req, reader, probe.sink) ==
               SYNCLINE_E_INVALID_ARGUMENT);
    PutRequest unknown("k", 99);
    BOOST_TEST(probe.connector->put(probe.instance, probe.call, &unknown.req, reader, probe.sink) ==
               SYNCLINE_E_NOT_SUPPORTED);
    PutRequest no_item("k");
    no_item.req.item = nullptr;
    BOOST_TEST(probe.connector->put(probe.instance, probe.call, &no_item.req, reader, probe.sink) ==
               SYNCLINE_E_INVALID_ARGUMENT);
    auto remove = sized<syncline_remove_req>();
    remove.key = fake::bytes("k");
    remove.condition = SYNCLINE_COND_IF_ABSENT;
    BOOST_TEST(probe.connector->remove(probe.instance, probe.call, &remove) ==
               SYNCLINE_E_INVALID_ARGUMENT);
    BOOST_TEST(probe::seen().last.empty());
    remove.condition = SYNCLINE_COND_ALWAYS;
    BOOST_TEST(probe.connector->remove(probe.instance, probe.call, &remove) == SYNCLINE_OK);
    BOOST_TEST(probe::seen().last == "removed k");
}

BOOST_AUTO_TEST_CASE(a_connector_without_writes_is_read_only) {
    fake::Host host;
    fake::Instance plain(syncline_entry_v1, host, "test.connector.plain");
    const auto* connector = plain.as<syncline_connector>(SYNCLINE_IFACE_CONNECTOR);
    fake::Call call;
    fake::ItemSink sink;
    fake::Reader reader("x");
    PutRequest put("k");
    BOOST_TEST(connector->put(plain, call, &put.req, reader, sink) == SYNCLINE_E_READ_ONLY);
    BOOST_TEST(connector->flush(plain, call) == SYNCLINE_OK);
}

BOOST_AUTO_TEST_CASE(a_cancelled_call_says_so) {
    probe::Probe probe;
    probe.call.cancelled = true;
    BOOST_TEST(probe.connector->check(probe.instance, probe.call) == SYNCLINE_E_CANCELLED);
    BOOST_TEST(probe.connector->flush(probe.instance, probe.call) == SYNCLINE_OK);
    BOOST_TEST(probe.call.done == 1U);
}

BOOST_AUTO_TEST_CASE(host_services_are_used_where_they_exist) {
    probe::Probe probe;
    BOOST_TEST(probe.connector->check(probe.instance, probe.call) == SYNCLINE_OK);
    BOOST_TEST(probe.host.lines.at(0) == "checked who=probe");
    BOOST_TEST(probe.host.hints.at(0) == "some/");
    BOOST_TEST(probe.host.attentions.at(0) == SYNCLINE_ATTENTION_CAPS_CHANGED);
    BOOST_TEST(probe::seen().last == "kept a token");
    BOOST_TEST(probe.host.store.empty());
}

BOOST_AUTO_TEST_CASE(the_barest_host_is_enough) {
    probe::Probe probe(R"({"items":3})", false);
    BOOST_TEST(probe.connector->check(probe.instance, probe.call) == SYNCLINE_OK);
    BOOST_TEST(probe::seen().last == "no store");
    BOOST_TEST(probe.stat("full") == SYNCLINE_OK);
}

BOOST_AUTO_TEST_CASE(optional_interfaces_reach_the_class) {
    probe::Probe probe;
    const auto& in = probe.instance;
    const auto* rename = in.as<syncline_connector_rename>(SYNCLINE_IFACE_RENAME);
    auto rename_req = sized<syncline_rename_req>();
    rename_req.condition = SYNCLINE_COND_IF_ABSENT;
    rename_req.to_key = fake::bytes("new");
    BOOST_TEST(rename->rename(in, probe.call, &rename_req, probe.sink) == SYNCLINE_OK);
    BOOST_TEST(probe.sink.items.back().key == "new");

    const auto* local = in.as<syncline_connector_local>(SYNCLINE_IFACE_LOCAL);
    auto get = sized<syncline_get_req>();
    get.key = fake::bytes("file");
    std::int32_t fd = -1;
    BOOST_TEST(local->open_body(in, probe.call, &get, probe.sink, &fd) == SYNCLINE_OK);
    BOOST_TEST(fd == 42);
    BOOST_TEST(probe.sink.items.back().key == "file");
    fd = -1;
    probe.sink.fail_with = SYNCLINE_E_ABORTED;
    BOOST_TEST(local->open_body(in, probe.call, &get, probe.sink, &fd) == SYNCLINE_E_ABORTED);
    BOOST_TEST(fd == -1);
    probe.sink.fail_with = 0;
    PutRequest put("k");
    BOOST_TEST(local->put_fd(in, probe.call, &put.req, 5, probe.sink) == SYNCLINE_OK);
    BOOST_TEST(probe.sink.items.back().version == "5");

    const auto* meta = in.as<syncline_connector_meta>(SYNCLINE_IFACE_META);
    put.item.fields = SYNCLINE_ITEM_MTIME;
    put.item.mtime_ns = 8;
    BOOST_TEST(meta->set_meta(in, probe.call, &put.req, probe.sink) == SYNCLINE_OK);
    BOOST_TEST(probe.sink.items.back().mtime_ns.value() == 8);

    const auto* catalog = in.as<syncline_connector_catalog>(SYNCLINE_IFACE_CATALOG);
    BOOST_TEST(catalog->types(in, probe.call, probe.sink) == SYNCLINE_OK);
    BOOST_TEST(probe.sink.items.back().key == "customers");

    const auto* watch = in.as<syncline_connector_watch>(SYNCLINE_IFACE_WATCH);
    BOOST_TEST(watch->start(in, probe.call, fake::bytes("dir/")) == SYNCLINE_OK);
    BOOST_TEST(probe::seen().last == "dir/");
    watch->stop(in);
    BOOST_TEST(probe::seen().stopped);

    in.as<syncline_interrupt>(SYNCLINE_IFACE_INTERRUPT)->interrupt(in, 7);
    BOOST_TEST(probe::seen().interrupted == 7U);
}

BOOST_AUTO_TEST_CASE(state_and_cursors_go_through_byte_sinks) {
    probe::Probe probe;
    const auto& in = probe.instance;
    std::string got;
    auto sink = sized<syncline_bytes_sink>();
    sink.impl = &got;
    sink.put = [](const syncline_bytes_sink* s, syncline_bytes value) -> syncline_status {
        *static_cast<std::string*>(s->impl) = fake::view(value);
        return SYNCLINE_OK;
    };
    const auto* state = in.as<syncline_state>(SYNCLINE_IFACE_STATE);
    BOOST_TEST(state->load(in, probe.call, fake::bytes("remember")) == SYNCLINE_OK);
    BOOST_TEST(state->save(in, probe.call, &sink) == SYNCLINE_OK);
    BOOST_TEST(got == "remember");

    const auto* changes = in.as<syncline_connector_changes>(SYNCLINE_IFACE_CHANGES);
    BOOST_TEST(changes->latest(in, probe.call, &sink) == SYNCLINE_OK);
    BOOST_TEST(got == "cursor-0");
    struct Feed {
        std::string keys;
        std::string next;
    } feed;
    auto change_sink = sized<syncline_change_sink>();
    change_sink.impl = &feed;
    change_sink.changes = [](const syncline_change_sink* s, const syncline_change* first,
                             std::uint64_t count, std::uint64_t) -> syncline_status {
        static_cast<Feed*>(s->impl)->keys += fake::view(first->item->key);
        return count == 1 ? SYNCLINE_STOP : SYNCLINE_OK;
    };
    change_sink.next = [](const syncline_change_sink* s, syncline_bytes cursor) -> syncline_status {
        static_cast<Feed*>(s->impl)->next = fake::view(cursor);
        return SYNCLINE_OK;
    };
    auto req = sized<syncline_changes_req>();
    req.cursor = fake::bytes(got);
    BOOST_TEST(changes->changes(in, probe.call, &req, &change_sink) == SYNCLINE_OK);
    BOOST_TEST(feed.keys == "changed");
    BOOST_TEST(feed.next == "cursor-0+1");
}

BOOST_AUTO_TEST_CASE(batch_elements_have_their_own_results) {
    probe::Probe probe;
    const auto* batch = probe.instance.as<syncline_connector_batch>(SYNCLINE_IFACE_BATCH);
    struct Results {
        std::map<std::uint64_t, syncline_status> status;
        std::string message;
        std::string versions;
        std::int64_t retry_after_ms = 0;
    } results;
    auto sink = sized<syncline_batch_sink>();
    sink.impl = &results;
    sink.done = [](const syncline_batch_sink* s,
                   const syncline_batch_result* r) -> syncline_status {
        auto& into = *static_cast<Results*>(s->impl);
        into.status[r->index] = r->status;
        into.message += fake::view(r->message);
        if (r->item != nullptr) {
            into.versions += fake::view(r->item->version);
        }
        into.retry_after_ms = r->retry_after_ms;
        return SYNCLINE_OK;
    };
    const auto removal = [](const char* key) {
        auto req = sized<syncline_remove_req>();
        req.condition = SYNCLINE_COND_ALWAYS;
        req.key = fake::bytes(key);
        return req;
    };
    const syncline_remove_req mixed[] = {removal("fine"), removal("locked")};
    BOOST_TEST(batch->remove_many(probe.instance, probe.call, mixed, 2, sizeof(mixed[0]), &sink) ==
               SYNCLINE_OK);
    BOOST_TEST(results.status[0] == SYNCLINE_OK);
    BOOST_TEST(results.status[1] == SYNCLINE_E_LOCKED);
    BOOST_TEST(results.message == "busy");
    BOOST_TEST(results.retry_after_ms == 9);

    const syncline_remove_req lost[] = {removal("fine"), removal("forget me")};
    BOOST_TEST(batch->remove_many(probe.instance, probe.call, lost, 2, sizeof(lost[0]), &sink) ==
               SYNCLINE_E_INTERNAL);

    PutRequest first("a");
    PutRequest second("b/");
    const syncline_put_req puts[] = {first.req, second.req};
    fake::Reader body("one");
    const syncline_reader* const bodies[] = {body, nullptr};
    BOOST_TEST(batch->put_many(probe.instance, probe.call, puts, 2, sizeof(puts[0]), bodies,
                               &sink) == SYNCLINE_OK);
    BOOST_TEST(results.versions == "one");
}

BOOST_AUTO_TEST_SUITE_END()
