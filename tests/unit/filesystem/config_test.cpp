#include "config.hpp"
#include "support.hpp"

#include <boost/test/unit_test.hpp>

using namespace fstest;
namespace sdk = syncline::sdk;

namespace {

Settings read(const std::string& text) {
    const sdk::json::Value value = sdk::json::parse(text);
    return syncline::fs::read_config(sdk::json::Config(value));
}

bool is_refused(const std::string& text) {
    try {
        read(text);
    } catch (const sdk::Error& error) {
        return error.status() == SYNCLINE_E_INVALID_CONFIG;
    }
    return false;
}

} // namespace

BOOST_AUTO_TEST_SUITE(configuration)

BOOST_AUTO_TEST_CASE(every_way_to_name_a_directory) {
    BOOST_TEST(read(R"({"url": "file:///srv/data"})").path == "/srv/data");
    BOOST_TEST(read(R"({"url": "file://localhost/srv"})").path == "/srv");
    BOOST_TEST(read(R"({"url": "file:///a%20b%2fc%FF"})").path == "/a b/c\xff");
    BOOST_TEST(read(R"({"path": "/a%20b"})").path == "/a%20b");
    BOOST_TEST(read(R"({"path_b64": "L2H/"})").path == "/a\xff");
    BOOST_TEST(read(R"({"path_b64": "L2E="})").path == "/a");
    BOOST_TEST(!read(R"({"path": "/a"})").granularity_ns.has_value());
    BOOST_TEST(*read(R"({"path": "/a", "clock_granularity_ms": 2})").granularity_ns == 2'000'000);
}

BOOST_AUTO_TEST_CASE(what_is_refused) {
    for (const char* text :
         {R"({})", R"({"path": "relative"})", R"({"path": ""})",
          R"({"path": "/a", "url": "file:///a"})", R"({"url": "file://host/a"})",
          R"({"url": "http:///a"})", R"({"url": "file:///a%2"})", R"({"url": "file:///a%zz"})",
          R"({"url": "file:///a%00b"})", R"({"url": "file:///a?b=c"})", R"({"url": "file:///a#b"})",
          R"({"path_b64": "L2E"})", R"({"path_b64": "????"})", R"({"path": "/a", "unknown": 1})",
          R"({"path": 1})", R"({"path": "/a", "clock_granularity_ms": -1})"}) {
        BOOST_TEST(is_refused(text), text);
    }
}

BOOST_AUTO_TEST_CASE(the_schema_is_json) {
    BOOST_CHECK_NO_THROW(sdk::json::parse(syncline::fs::kConfigSchema));
}

BOOST_AUTO_TEST_CASE(one_filesystem_one_scope) {
    Playground ground;
    ground.directory("inner");
    Client outer(ground);
    Settings settings = Client::settings(ground);
    settings.path += "/inner/";
    Client inner(settings);
    Settings elsewhere;
    elsewhere.path = "/proc";
    Client other(elsewhere);
    sdk::Info a;
    sdk::Info b;
    sdk::Info c;
    BOOST_REQUIRE(outer.endpoint.info(a).ok());
    BOOST_REQUIRE(inner.endpoint.info(b).ok());
    BOOST_REQUIRE(other.endpoint.info(c).ok());
    BOOST_TEST(a.scope_id == b.scope_id);
    BOOST_TEST(b.scope_path == a.scope_path + "/inner");
    BOOST_TEST(a.scope_id != c.scope_id);
    BOOST_TEST((a.caps & SYNCLINE_CAP_COND_EMULATED) == 0U);
    BOOST_TEST((a.caps & ~Endpoint::kCapsMax) == 0U);
    Tweaks tweaks;
    tweaks.no_exchange = true;
    Client emulated(ground, tweaks);
    BOOST_REQUIRE(emulated.endpoint.info(a).ok());
    BOOST_TEST((a.caps & SYNCLINE_CAP_COND_EMULATED) != 0U);
}

BOOST_AUTO_TEST_SUITE_END()
