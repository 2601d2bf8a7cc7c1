#include "syncline/core/status.hpp"

#include <boost/test/unit_test.hpp>
#include <set>

using namespace syncline;

namespace {

Status leave_with(const Status& status, bool& went_on) {
    SYNCLINE_TRY(status);
    went_on = true;
    return {};
}

} // namespace

BOOST_AUTO_TEST_SUITE(status)

BOOST_AUTO_TEST_CASE(all_well_is_a_null_pointer) {
    const Status status;
    BOOST_TEST(status.ok());
    BOOST_TEST((status.code() == Code::ok));
    BOOST_TEST(status.message().empty());
    BOOST_TEST(status.detail("path").empty());
    BOOST_TEST(status.with_context("reading").ok());
    BOOST_TEST(status.with_note("again").ok());
}

BOOST_AUTO_TEST_CASE(context_keeps_code_and_details) {
    const Status status(Error{Code::io, "disk failed", {{"path", "/x"}}, 5, 0});
    const Status more = status.with_context("reading the base");
    BOOST_TEST((more.code() == Code::io));
    BOOST_TEST(more.message() == "reading the base: disk failed");
    BOOST_TEST(more.detail("path") == "/x");
    BOOST_TEST(more.detail("file").empty());
    BOOST_TEST(more.error().retry_after_ms == 5);
    BOOST_TEST(status.with_note("try another").message() == "disk failed; try another");
    BOOST_TEST(status.message() == "disk failed");
}

BOOST_AUTO_TEST_CASE(a_result_holds_a_value_or_an_error) {
    const Result<std::string> good("value");
    BOOST_TEST(good.ok());
    BOOST_TEST(*good == "value");
    const Result<std::string> bad(Code::not_found, "nothing");
    BOOST_TEST(!bad.ok());
    BOOST_TEST((bad.code() == Code::not_found));
}

BOOST_AUTO_TEST_CASE(try_leaves_only_with_errors) {
    bool went_on = false;
    BOOST_TEST(leave_with({}, went_on).ok());
    BOOST_TEST(went_on);
    went_on = false;
    BOOST_TEST((leave_with({Code::io, "no"}, went_on).code() == Code::io));
    BOOST_TEST(!went_on);
}

BOOST_AUTO_TEST_CASE(codes_have_names_of_their_own) {
    std::set<std::string_view> names;
    for (int code = 0; code >= -27; --code) {
        names.insert(name_of(static_cast<Code>(code)));
    }
    for (int code = -100; code >= -103; --code) {
        names.insert(name_of(static_cast<Code>(code)));
    }
    BOOST_TEST(names.size() == 32U);
    BOOST_TEST(name_of(static_cast<Code>(-999)) == "unknown");
}

BOOST_AUTO_TEST_SUITE_END()
