// The plugins of this repository, as far as they are built.
#include "fakes/fake_connector.hpp"
#include "support.hpp"

#include <chrono>

using namespace syncline;
using namespace syncline::test;
using namespace syncline::fakes;

BOOST_AUTO_TEST_SUITE(first_party)

namespace {

std::filesystem::path built(const char* name) {
    return std::filesystem::path(SYNCLINE_PLUGIN_DIR) / (std::string(name) + ".so");
}

bool is_built(const char* name) {
    const bool there = std::filesystem::exists(built(name));
    if (!there) {
        BOOST_TEST_MESSAGE(built(name) << " is not built; skipped");
    }
    return there;
}

} // namespace

BOOST_AUTO_TEST_CASE(basic_strategies) {
    if (!is_built("basic")) {
        return;
    }
    const Loaded loaded({built("basic")});
    BOOST_TEST(loaded.registry->failures().empty());
    Item older;
    older.version = "1";
    older.mtime_ns = 1;
    older.size = 1;
    Item newer = older;
    newer.mtime_ns = 2'000'000'000;
    Conflict conflict;
    conflict.key = "a";
    conflict.source = &older;
    conflict.target = &newer;
    int made = 0;
    for (const PluginDescription& plugin : loaded.registry->plugins()) {
        BOOST_TEST((plugin.kind == PluginKind::strategy));
        const auto strategy = loaded.registry->make_strategy(plugin.id, "{}");
        BOOST_REQUIRE_MESSAGE(strategy.ok(), strategy.status().message());
        const auto decision = (*strategy)->decide({}, conflict);
        BOOST_TEST(decision.ok(), plugin.id << ": " << decision.status().message());
        ++made;
    }
    BOOST_TEST(made > 0);
    const auto newest = loaded.registry->make_strategy("newer-wins", "{}");
    BOOST_REQUIRE_MESSAGE(newest.ok(), newest.status().message());
    BOOST_TEST(((*newest)->decide({}, conflict)->action == DecisionAction::keep_target));
}

BOOST_AUTO_TEST_CASE(filesystem) {
    if (!is_built("filesystem")) {
        return;
    }
    const Loaded loaded({built("filesystem")});
    BOOST_TEST(loaded.registry->failures().empty());
    const TempDir root;
    const auto made = loaded.registry->make_connector(
        "filesystem", "{\"path\":\"" + root.path().string() + "\"}");
    BOOST_REQUIRE_MESSAGE(made.ok(), made.status().message());
    Connector& files = **made;
    BOOST_TEST(files.check({}).ok());
    BOOST_TEST(files.info({})->lists_in_order);

    PutRequest put;
    put.key = "hello.txt";
    put.item.size = 5;
    put.item.mtime_ns = 1700000000'000000000;
    FakeBody body("hello");
    const auto item = files.put({}, put, body);
    BOOST_REQUIRE_MESSAGE(item.ok(), item.status().message());
    BOOST_TEST(read_all(root / "hello.txt") == "hello");
    FakeBody twice("other");
    BOOST_TEST(files.put({}, put, twice).code() == Code::already_exists);

    FakeItemSink listed;
    BOOST_REQUIRE(files.list({}, {}, listed).ok());
    BOOST_REQUIRE_EQUAL(listed.items().size(), 1U);
    BOOST_TEST(listed.items()[0].key == "hello.txt");
    BOOST_TEST(listed.items()[0].size == 5U);
    BOOST_TEST(listed.items()[0].mtime_ns == 1700000000'000000000);

    FakeBodySink got;
    GetRequest get;
    get.key = "hello.txt";
    BOOST_REQUIRE(files.get({}, get, got).ok());
    BOOST_TEST(got.bytes() == "hello");
    if (files.local_bodies() != nullptr) {
        const auto local = files.local_bodies()->open_body({}, get);
        BOOST_REQUIRE_MESSAGE(local.ok(), local.status().message());
        BOOST_TEST(local->fd() >= 0);
    }
    BOOST_TEST(files.stat({}, "absent").code() == Code::not_found);
    BOOST_TEST(files.flush({}).ok());
    RemoveRequest remove;
    remove.key = "hello.txt";
    remove.expected_version = item->version;
    BOOST_TEST(files.remove({}, remove).ok());
    BOOST_TEST(!std::filesystem::exists(root / "hello.txt"));
}

BOOST_AUTO_TEST_CASE(start_is_quick) {
    if (!is_built("basic") || !is_built("filesystem")) {
        return;
    }
    Loaded first({SYNCLINE_PLUGIN_DIR});
    // What a second start of the program costs beside mapping: digests of files and copies.
    const auto start = std::chrono::steady_clock::now();
    first.registry->load(first.search);
    const auto took = std::chrono::steady_clock::now() - start;
    BOOST_TEST_MESSAGE("load again: "
                       << std::chrono::duration_cast<std::chrono::microseconds>(took).count()
                       << " us");
    BOOST_TEST((took < std::chrono::seconds(2)));
}

BOOST_AUTO_TEST_SUITE_END()
