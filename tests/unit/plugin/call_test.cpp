#include "fakes/fake_clock.hpp"
#include "plugin/call.hpp"
#include "support.hpp"

#include <chrono>
#include <thread>

using namespace syncline;
using namespace syncline::test;

BOOST_AUTO_TEST_SUITE(call)

namespace {

Status list(Connector& connector, const CallContext& context = {}) {
    struct Nothing : ItemSink {
        Result<Flow> items(std::span<const ItemView>) override { return Flow::more; }
    } sink;
    return connector.list(context, {}, sink).status();
}

} // namespace

BOOST_AUTO_TEST_CASE(cancellation_is_seen_by_the_plugin) {
    Lying lying;
    const auto connector = lying.connector("list_wait_cancel");
    std::stop_source source;
    std::jthread canceller([&] {
        std::this_thread::yield();
        source.request_stop();
    });
    CallContext context;
    context.stop = source.get_token();
    BOOST_TEST(list(*connector, context).code() == Code::cancelled);
}

BOOST_AUTO_TEST_CASE(a_passed_deadline_ends_the_call_as_a_timeout) {
    fakes::FakeClock clock;
    Lying lying(clock);
    const auto connector = lying.connector("list_wait_cancel");
    CallContext context;
    context.deadline_mono_ns = clock.mono_ns();
    BOOST_TEST(list(*connector, context).code() == Code::timeout);
}

BOOST_AUTO_TEST_CASE(nobody_but_the_host_cancels) {
    Lying lying;
    const Status status = list(*lying.connector("list_cancel_lie"));
    BOOST_TEST(status.code() == Code::internal);
    BOOST_TEST(has_text(status.message(), "nobody cancelled"));
}

BOOST_AUTO_TEST_CASE(flags_and_deadline_reach_the_plugin) {
    fakes::FakeClock clock;
    Lying lying(clock);
    CallContext context;
    context.dry_run = true;
    context.retry = true;
    context.deadline_mono_ns = 12345;
    const auto connector = lying.connector("check_dry_run");
    BOOST_TEST(connector->check(context).ok());
    BOOST_TEST(!connector->check({}).ok());
}

BOOST_AUTO_TEST_CASE(what_the_plugin_says_about_its_error_arrives) {
    Lying lying;
    const Status status = list(*lying.connector("list_error_text"));
    BOOST_TEST(status.code() == Code::rate_limited);
    BOOST_TEST(has_text(status.message(), "bucket\\n'x' is"));
    BOOST_TEST(status.message().find('\x1b') == std::string::npos);
    BOOST_TEST(status.detail("http_status") == "503");
    BOOST_TEST((status.detail("current_version") == std::string_view("\0\xff", 2)));
    BOOST_TEST(status.error().retry_after_ms == 1500);
}

BOOST_AUTO_TEST_CASE(a_flood_of_words_is_cut) {
    Lying lying;
    const Status status = list(*lying.connector("list_floods"));
    BOOST_TEST(status.code() == Code::unavailable);
    BOOST_TEST(status.message().size() == plugin::kMaxErrorText);
    BOOST_TEST(status.error().details.size() == plugin::kMaxErrorDetails);
    BOOST_TEST(status.error().retry_class == 0U);
}

BOOST_AUTO_TEST_CASE(answers_that_are_none) {
    Lying lying;
    BOOST_TEST(list(*lying.connector("list_returns_stop")).code() == Code::internal);
    BOOST_TEST(list(*lying.connector("list_returns_7")).code() == Code::internal);
    BOOST_TEST(list(*lying.connector("list_returns_unknown")).code() == Code::unknown);
    BOOST_TEST(list(*lying.connector("list_returns_died")).code() == Code::unknown);
    const Status vendor = list(*lying.connector("list_returns_vendor"));
    BOOST_TEST(vendor.code() == Code::unknown);
    BOOST_TEST(vendor.detail("vendor_code") == "-1234");
}

BOOST_AUTO_TEST_CASE(exceptions_stop_at_the_boundary) {
    Lying lying;
    const Status status = lying.connector("check_throws")->check({});
    BOOST_TEST(status.code() == Code::internal);
    BOOST_TEST(has_text(status.message(), "thrown across the boundary"));
    BOOST_TEST(lying.connector("check_throws_int")->check({}).code() == Code::internal);
}

BOOST_AUTO_TEST_CASE(host_services) {
    Lying lying;
    BOOST_TEST(lying.connector("check_logs")->check({}).ok());
}

BOOST_AUTO_TEST_CASE(a_call_that_succeeds_is_cheap) {
    // A guard against an accidental allocation or system call, not a benchmark: sanitizers slow
    // everything down.
    const CallContext context;
    const auto start = std::chrono::steady_clock::now();
    constexpr int kCalls = 100'000;
    int failures = 0;
    for (int count = 0; count < kCalls; ++count) {
        plugin::Call call(context, system_clock());
        failures += call.finish(SYNCLINE_OK, {}).ok() ? 0 : 1;
    }
    const auto each = (std::chrono::steady_clock::now() - start) / kCalls;
    BOOST_TEST(failures == 0);
    BOOST_TEST_MESSAGE("a call: " << std::chrono::nanoseconds(each).count() << " ns");
    BOOST_TEST((each < std::chrono::microseconds(20)));
}

BOOST_AUTO_TEST_SUITE_END()
