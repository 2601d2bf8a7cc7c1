// What a struck call does.
#include "support.hpp"

#include <chrono>

using namespace syncline;
using namespace syncline::test;

namespace {

std::map<std::string, std::string> contents(const std::filesystem::path& root) {
    std::map<std::string, std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(root)) {
        out[entry.path().filename().string()] = read_all(entry.path());
    }
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(effects)

BOOST_AUTO_TEST_CASE(every_status_code_can_be_injected) {
    const std::pair<const char*, Code> codes[] = {
        {"UNKNOWN", Code::unknown},
        {"INVALID_ARGUMENT", Code::invalid_argument},
        {"INVALID_STATE", Code::invalid_state},
        {"NOT_SUPPORTED", Code::not_supported},
        {"INVALID_CONFIG", Code::invalid_config},
        {"UNAUTHENTICATED", Code::unauthenticated},
        {"PERMISSION_DENIED", Code::permission_denied},
        {"NOT_FOUND", Code::not_found},
        {"ALREADY_EXISTS", Code::already_exists},
        {"CONFLICT", Code::conflict},
        {"CURSOR_EXPIRED", Code::cursor_expired},
        {"KEY_INVALID", Code::key_invalid},
        {"TOO_LARGE", Code::too_large},
        {"QUOTA_EXCEEDED", Code::quota_exceeded},
        {"RATE_LIMITED", Code::rate_limited},
        {"UNAVAILABLE", Code::unavailable},
        {"TIMEOUT", Code::timeout},
        {"INTEGRITY", Code::integrity},
        {"IO", Code::io},
        {"OUT_OF_MEMORY", Code::out_of_memory},
        {"INTERNAL", Code::internal},
        {"ABI_MISMATCH", Code::abi_mismatch},
        {"ABORTED", Code::aborted},
        {"READ_ONLY", Code::read_only},
        {"OUTCOME_UNKNOWN", Code::outcome_unknown},
        {"LOCKED", Code::locked},
        // What only hosts make, and what vendors make, is unknown from a plugin.
        {"PLUGIN_DIED", Code::unknown},
        {"PLUGIN_HUNG", Code::unknown},
        {"BLOCKED_BY_POLICY", Code::unknown},
        {"VENDOR", Code::unknown},
    };
    for (const auto& [name, code] : codes) {
        std::string other(name); // as people may write it
        for (char& c : other) {
            c = c == '_' ? '-' : static_cast<char>(std::tolower(c));
        }
        for (const std::string& written : {std::string(name), other}) {
            const auto store =
                fault(R"({"probability":1,"op":["put"],"seed":9,"status":[")" + written + R"("]})");
            const Status status = put(*store, "k", "x").status();
            BOOST_TEST(status.code() == code, written);
            BOOST_TEST(status.message() == "injected by the fault connector: " + std::string(name) +
                                               " in put of 'k' (call 1, seed 9)");
            BOOST_TEST(store->stat({}, "k").code() == Code::not_found);
        }
    }
    const auto vendor = fault(R"({"probability":1,"status":["vendor"]})");
    BOOST_TEST(vendor->check({}).detail("vendor_code") == "-1000");
    // Nobody cancelled, so this is a plugin that breaks the rules.
    const Status cancelled = fault(R"({"probability":1,"status":["cancelled"]})")->check({});
    BOOST_TEST(cancelled.code() == Code::internal);
    BOOST_TEST(has_text(cancelled.message(), "says it was cancelled"));
}

BOOST_AUTO_TEST_CASE(one_of_several_status_codes_comes) {
    const auto store = fault(R"({"probability":1,"seed":2,"status":["io","locked","timeout"]})");
    std::map<Code, int> seen;
    for (int i = 0; i < 300; ++i) {
        ++seen[store->stat({}, "k" + std::to_string(i)).code()];
    }
    BOOST_TEST(seen.size() == 3U);
    for (const auto& [code, count] : seen) {
        BOOST_TEST(count > 60, code << " came " << count << " times");
    }
}

BOOST_AUTO_TEST_CASE(retry_after_comes_with_the_error) {
    const auto store =
        fault(R"({"probability":1,"status":["rate-limited"],"retry_after_ms":1500})");
    const Status status = store->check({});
    BOOST_TEST(status.code() == Code::rate_limited);
    BOOST_TEST(status.error().retry_after_ms == 1500);
    const auto unsaid = fault(R"({"probability":1,"status":["rate-limited"]})");
    BOOST_TEST(unsaid->check({}).error().retry_after_ms == -1);
}

BOOST_AUTO_TEST_CASE(a_delay_alone_only_delays) {
    const auto store = fault(R"({"probability":1,"op":["put"],"delay_ms":20})");
    const auto start = std::chrono::steady_clock::now();
    BOOST_TEST(put(*store, "k", "x").ok());
    BOOST_TEST((std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(20)));
    const auto slow = fault(R"({"probability":1,"delay_ms":20,"status":["io"]})");
    const auto again = std::chrono::steady_clock::now();
    BOOST_TEST(slow->check({}).code() == Code::io);
    BOOST_TEST((std::chrono::steady_clock::now() - again >= std::chrono::milliseconds(20)));
}

BOOST_AUTO_TEST_CASE(waiting_ends_when_the_call_is_cancelled_or_late) {
    for (const char* config :
         {R"({"probability":1,"hang":true})", R"({"probability":1,"delay_ms":3600000})",
          R"({"probability":1,"delay_ms":3600000,"status":["io"]})"}) {
        const auto store = fault(config);
        std::stop_source stop;
        Status cancelled;
        {
            std::latch begun(1);
            const std::jthread caller([&] {
                CallContext call;
                call.stop = stop.get_token();
                begun.count_down();
                cancelled = put(*store, "k", "x", call).status();
            });
            begun.wait();
            stop.request_stop();
        }
        BOOST_TEST(cancelled.code() == Code::cancelled);
        BOOST_TEST(injected(cancelled));
        CallContext call;
        call.deadline_mono_ns = system_clock().mono_ns() + 10'000'000;
        BOOST_TEST(put(*store, "k", "x", call).code() == Code::timeout);
        BOOST_TEST(get(*fault("{\"probability\":0}"), "k").code() == Code::not_found);
    }
}

BOOST_AUTO_TEST_CASE(a_read_body_breaks_off_half_way) {
    const TempDir root;
    write_all(root / "big", std::string(100'000, 'x'));
    write_all(root / "empty", "");
    for (const auto& [config, code] : std::vector<std::pair<std::string, Code>>{
             {R"({"probability":1,"short_body":true,"op":["get"]})", Code::io},
             {R"({"probability":1,"short_body":true,"status":["integrity"]})", Code::integrity}}) {
        const auto files = fault(config, directory(root.path()));
        BOOST_TEST(files->local_bodies() == nullptr); // it could not be cut
        GetRequest request;
        request.key = "big";
        FakeBodySink sink;
        const Status status = files->get({}, request, sink);
        BOOST_TEST(status.code() == code);
        BOOST_TEST(injected(status));
        BOOST_TEST(has_text(status.message(), "half way"));
        BOOST_TEST(sink.bytes().size() == 50'000U);
        request.offset = 90'000;
        FakeBodySink part;
        BOOST_TEST(files->get({}, request, part).code() == code);
        BOOST_TEST(part.bytes().size() == 5'000U);
        BOOST_TEST(get(*files, "empty").code() == code);
        BOOST_TEST(get(*files, "absent").code() == Code::not_found); // the inner's own
    }
}

BOOST_AUTO_TEST_CASE(a_written_body_breaks_off_half_way_and_nothing_becomes_visible) {
    const TempDir root;
    write_all(root / "old", "old");
    for (const bool in_memory : {false, true}) {
        const auto store = fault(R"({"probability":1,"short_body":true,"op":["put"]})",
                                 in_memory ? memory() : directory(root.path()));
        for (const std::string key : {"old", "new", "d/"}) {
            for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100'000}}) {
                const Status status = put(*store, key, std::string(size, 'y')).status();
                BOOST_TEST(status.code() == Code::io);
                BOOST_TEST(injected(status));
            }
        }
        PutRequest unknown;
        unknown.key = "new";
        unknown.item.size = kUnknownSize;
        FakeBody body("abc", 2, false);
        BOOST_TEST(store->put({}, unknown, body).code() == Code::io);
        FakeItemSink items;
        BOOST_TEST(store->list({}, {}, items).ok());
        BOOST_TEST(items.items().size() == (in_memory ? 0U : 1U));
    }
    BOOST_TEST((contents(root.path()) == std::map<std::string, std::string>{{"old", "old"}}));
}

BOOST_AUTO_TEST_CASE(a_listing_breaks_off_half_way) {
    const TempDir root;
    for (int i = 0; i < 10; ++i) {
        write_all(root / ("f" + std::to_string(i)).c_str(), "x");
    }
    const auto files =
        fault(R"({"probability":1,"short_body":true,"op":["list"]})", directory(root.path()));
    FakeItemSink items;
    const Status status = files->list({}, {}, items).status();
    BOOST_TEST(status.code() == Code::io);
    BOOST_TEST(injected(status));
    BOOST_TEST(items.items().size() < 10U);
    BOOST_TEST(files->check({}).ok());
}

BOOST_AUTO_TEST_CASE(a_lost_answer_comes_after_the_write) {
    const TempDir root;
    const auto files =
        fault(R"({"probability":1,"lost_ack":true,"seed":4})", directory(root.path()));
    const Status written = put(*files, "a", "1").status();
    BOOST_TEST(written.code() == Code::outcome_unknown);
    BOOST_TEST(written.message() == "injected by the fault connector: OUTCOME_UNKNOWN in put of "
                                    "'a', after it was done (call 1, seed 4)");
    BOOST_TEST(read_all(root / "a") == "1");
    RenameRequest rename;
    rename.from_key = "a";
    rename.to_key = "b";
    BOOST_TEST(files->renamer()->rename({}, rename).code() == Code::outcome_unknown);
    PutRequest meta;
    meta.key = "b";
    meta.condition = Condition::always;
    meta.item.mtime_ns = 1'000'000'000;
    BOOST_TEST(files->meta_writer()->set_meta({}, meta).code() == Code::outcome_unknown);
    BOOST_TEST(files->stat({}, "b")->mtime_ns == 1'000'000'000);
    GetRequest read;
    read.key = "b";
    const auto body = files->local_bodies()->open_body({}, read);
    BOOST_REQUIRE(body.ok());
    PutRequest copy;
    copy.key = "c";
    copy.item.size = 1;
    BOOST_TEST(files->local_bodies()->put_fd({}, copy, body->fd()).code() == Code::outcome_unknown);
    BOOST_TEST(remove(*files, "b").code() == Code::outcome_unknown);
    BOOST_TEST((contents(root.path()) == std::map<std::string, std::string>{{"c", "1"}}));
    // What the inner refuses, it refuses.
    BOOST_TEST(remove(*files, "b").code() == Code::not_found);
    BOOST_TEST(files->flush({}).ok());
    const auto late = fault(R"({"probability":1,"lost_ack":true,"status":["timeout"]})");
    BOOST_TEST(put(*late, "a", "1").code() == Code::timeout);
    BOOST_TEST(*get(*late, "a") == "1");
}

BOOST_AUTO_TEST_SUITE_END()
