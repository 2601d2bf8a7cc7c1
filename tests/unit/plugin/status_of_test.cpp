#include "plugin/status_of.hpp"
#include "support.hpp"

#include <syncline/abi/call.h>

using namespace syncline;
using namespace syncline::test;
using plugin::CallReport;
using plugin::safe_text;
using plugin::status_of;

BOOST_AUTO_TEST_SUITE(status)

namespace {
constexpr plugin::Origin kOrigin{"test.connector.x", "list"};
}

BOOST_AUTO_TEST_CASE(every_known_code_keeps_its_number) {
    BOOST_TEST(status_of(0, nullptr, kOrigin).ok());
    for (syncline_status status = -1; status >= SYNCLINE_E_LOCKED; --status) {
        const Status made = status_of(status, nullptr, kOrigin);
        BOOST_TEST(static_cast<int>(made.code()) == status);
        BOOST_TEST(has_text(made.message(), name_of(made.code())));
        BOOST_TEST(made.detail("vendor_code").empty());
    }
}

BOOST_AUTO_TEST_CASE(what_is_not_known_is_unknown) {
    for (const syncline_status status :
         {-28, -64, -66, -100, -101, -999, -1000, -1234, INT32_MIN}) {
        const Status made = status_of(status, nullptr, kOrigin);
        BOOST_TEST(made.code() == Code::unknown);
        BOOST_TEST(made.detail("vendor_code") == std::to_string(status));
    }
    CallReport report;
    report.details.push_back({"vendor_code", "their own"});
    BOOST_TEST(status_of(-1234, &report, kOrigin).detail("vendor_code") == "their own");
}

BOOST_AUTO_TEST_CASE(positive_answers_are_protocol_errors) {
    for (const syncline_status status : {1, 2, 7, INT32_MAX}) {
        const Status made = status_of(status, nullptr, kOrigin);
        BOOST_TEST(made.code() == Code::internal);
        BOOST_TEST(has_text(made.message(), "protocol error"));
        BOOST_TEST(has_text(made.message(), "test.connector.x"));
    }
}

BOOST_AUTO_TEST_CASE(retry_hints) {
    CallReport report;
    report.retry_class = SYNCLINE_RETRY_AFTER;
    report.retry_after_ms = 1500;
    BOOST_TEST(status_of(-15, &report, kOrigin).error().retry_after_ms == 1500);
    report.retry_after_ms = -3;
    BOOST_TEST(status_of(-15, &report, kOrigin).error().retry_after_ms == 0);
    report.retry_class = 99;
    BOOST_TEST(status_of(-15, &report, kOrigin).error().retry_class == 0U);
    BOOST_TEST(status_of(-15, &report, kOrigin).error().retry_after_ms == -1);
}

BOOST_AUTO_TEST_CASE(text_is_one_safe_line) {
    BOOST_TEST(safe_text("plain \xc3\xa4", 100) == "plain \xc3\xa4");
    BOOST_TEST(safe_text("a\nb", 100) == "a\\nb");
    BOOST_TEST(safe_text("\x1b[2J", 100).find('\x1b') == std::string::npos);
    BOOST_TEST(safe_text("a\xc3\xa4", 2) == "a"); // cut between characters
    BOOST_TEST(safe_text(std::string(100, '\x80'), 10).size() <= 40U);
}

BOOST_AUTO_TEST_SUITE_END()
