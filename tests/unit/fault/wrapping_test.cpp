// The host's side of wrapping: who gets an inner connector, how long it lives, what goes through.
#include "support.hpp"
#include "syncline/orchestrate/location.hpp"

#include <unistd.h>

using namespace syncline;
using namespace syncline::test;

BOOST_AUTO_TEST_SUITE(wrapping)

BOOST_AUTO_TEST_CASE(a_wrapper_without_an_inner_says_how_to_name_one) {
    const auto alone = plugins().registry->make_connector("fault", "{}");
    BOOST_TEST(alone.code() == Code::invalid_config);
    BOOST_TEST(has_text(alone.status().message(), "fault+SCHEME://"));
    BOOST_TEST(plugins().registry->make_wrapper("fault", "{}", nullptr).code() ==
               Code::invalid_argument);
}

BOOST_AUTO_TEST_CASE(only_connectors_of_plugins_are_wrapped_and_only_by_wrappers) {
    const auto foreign = try_fault("{}", std::make_unique<fakes::FakeConnector>());
    BOOST_TEST(foreign.code() == Code::invalid_argument);
    const auto plain = plugins().registry->make_wrapper("memory", "{}", memory());
    BOOST_TEST(plain.code() == Code::invalid_argument);
    BOOST_TEST(has_text(plain.status().message(), "example.connector.memory does not wrap"));
}

BOOST_AUTO_TEST_CASE(what_is_not_struck_goes_through_a_directory) {
    const TempDir root;
    const auto plain = directory(root.path());
    const auto files = fault(R"({"probability":0})", directory(root.path()));
    BOOST_TEST(files->check({}).ok());
    const auto info = files->info({});
    const auto own = plain->info({});
    BOOST_REQUIRE(info.ok() && own.ok());
    BOOST_TEST(info->scope_id == own->scope_id);
    BOOST_TEST(info->scope_path == own->scope_path);
    BOOST_TEST(info->max_concurrency == own->max_concurrency);
    BOOST_TEST(info->lists_in_order == own->lists_in_order);
    BOOST_TEST(info->sets_meta == own->sets_meta);
    BOOST_TEST(info->hash_algos == own->hash_algos);
    BOOST_TEST(info->max_key_bytes == own->max_key_bytes);

    BOOST_TEST(put(*files, "d/", "").ok());
    const auto item = put(*files, "d/hello", "hello");
    BOOST_REQUIRE_MESSAGE(item.ok(), item.status().message());
    BOOST_TEST(item->version == plain->stat({}, "d/hello")->version);
    BOOST_TEST(*get(*files, "d/hello") == "hello");
    FakeItemSink listed;
    BOOST_TEST(files->list({}, {}, listed)->empty());
    BOOST_TEST(listed.items().size() == 2U);

    BOOST_REQUIRE(files->renamer() != nullptr);
    RenameRequest rename;
    rename.from_key = "d/hello";
    rename.to_key = "d/bye";
    BOOST_TEST(files->renamer()->rename({}, rename).ok());
    BOOST_REQUIRE(files->meta_writer() != nullptr);
    PutRequest meta;
    meta.key = "d/bye";
    meta.condition = Condition::always;
    meta.item.mtime_ns = 1'700'000'000'000'000'000;
    BOOST_TEST(files->meta_writer()->set_meta({}, meta)->mtime_ns == meta.item.mtime_ns);

    BOOST_REQUIRE(files->local_bodies() != nullptr);
    GetRequest request;
    request.key = "d/bye";
    const auto body = files->local_bodies()->open_body({}, request);
    BOOST_REQUIRE_MESSAGE(body.ok(), body.status().message());
    char text[6] = {};
    BOOST_TEST(::pread(body->fd(), text, 5, 0) == 5);
    BOOST_TEST(text == std::string("hello"));
    PutRequest copy;
    copy.key = "copy";
    copy.item.size = 5;
    BOOST_TEST(files->local_bodies()->put_fd({}, copy, body->fd()).ok());
    BOOST_TEST(read_all(root / "copy") == "hello");
    BOOST_TEST(remove(*files, "copy").ok());
    BOOST_TEST(files->flush({}).ok());
    BOOST_TEST(!std::filesystem::exists(root / "copy"));
}

BOOST_AUTO_TEST_CASE(a_wrapper_offers_no_more_than_its_inner) {
    const auto wrapped = fault(R"({"probability":0})");
    BOOST_TEST(wrapped->renamer() == nullptr);
    BOOST_TEST(wrapped->meta_writer() == nullptr);
    BOOST_TEST(wrapped->local_bodies() == nullptr);
    BOOST_TEST(!wrapped->info({})->concurrent);
    const auto greedy = made(plugins().registry->make_wrapper("greedy", "{}", memory()));
    BOOST_TEST(!greedy->info({})->concurrent);
    BOOST_TEST(greedy->info({})->max_concurrency == 1U);
    const TempDir root;
    const auto files =
        made(plugins().registry->make_wrapper("greedy", "{}", directory(root.path())));
    BOOST_TEST(files->info({})->concurrent);
    BOOST_TEST(files->info({})->max_concurrency ==
               directory(root.path())->info({})->max_concurrency);
}

BOOST_AUTO_TEST_CASE(errors_of_the_inner_come_out_unchanged) {
    const TempDir root;
    const auto files = fault(R"({"probability":0})", directory(root.path()));
    const auto plain = directory(root.path());
    const Status there = plain->stat({}, "absent").status();
    const Status here = files->stat({}, "absent").status();
    BOOST_TEST(here.code() == Code::not_found);
    BOOST_TEST(here.message() == there.message());
    BOOST_REQUIRE(put(*files, "a", "1").ok());
    PutRequest again;
    again.key = "a";
    again.condition = Condition::if_absent;
    again.item.size = 1;
    FakeBody body("2");
    const Status exists = files->put({}, again, body).status();
    BOOST_TEST(exists.code() == Code::already_exists);
    BOOST_TEST(!exists.detail("current_version").empty());
}

// Under the address sanitizer this also shows that nothing is used after its end.
BOOST_AUTO_TEST_CASE(the_inner_lives_until_after_its_wrapper) {
    const TempDir root;
    auto inside = made(plugins().registry->make_wrapper("greedy", "{}", directory(root.path())));
    auto outside = made(plugins().registry->make_wrapper("greedy", "{}", std::move(inside)));
    auto around = fault(R"({"probability":0})", fault(R"({"probability":0})", std::move(outside)));
    BOOST_TEST(around->check({}).ok());
    around.reset();

    // One that cannot be configured ends its inner too.
    BOOST_TEST(!try_fault(R"({"probability":2})", made(plugins().registry->make_wrapper(
                                                      "greedy", "{}", directory(root.path()))))
                    .ok());
}

BOOST_AUTO_TEST_CASE(locations_open_through_their_wrappers) {
    const TempDir root;
    PluginRegistry& registry = *plugins().registry;
    const auto open = [&](const std::string& text) -> Result<std::unique_ptr<Connector>> {
        const Result<Location> location = parse_location(text, registry);
        return location.ok() ? open_connector(registry, *location) : location.status();
    };
    const std::string url = "file://" + root.path().string();
    for (const std::string wrapping : {"", "fault+", "fault+greedy+", "fault+fault+fault+"}) {
        const auto connector = open(wrapping + url +
                                    (wrapping.empty() ? ""
                                                      : "?probability=0&"
                                                        "inner.probability=0&"
                                                        "inner.inner."
                                                        "probability=0"));
        if (wrapping == "fault+" || wrapping == "fault+greedy+") {
            // The last of the three has nobody to go to.
            BOOST_TEST(connector.code() == Code::invalid_config);
            continue;
        }
        BOOST_REQUIRE_MESSAGE(connector.ok(), connector.status().message());
        BOOST_TEST((*connector)->check({}).ok());
    }
    const auto memory_too =
        open("fault+memory://x?op=stat&probability=1&max_bytes=3&status=locked");
    BOOST_REQUIRE_MESSAGE(memory_too.ok(), memory_too.status().message());
    BOOST_TEST(put(**memory_too, "a", "abc").ok());
    BOOST_TEST(put(**memory_too, "b", "abcd").code() == Code::too_large);
    BOOST_TEST((*memory_too)->stat({}, "a").code() == Code::locked);

    const auto bad_inner = open("fault+memory://x?max_bytes=-1");
    BOOST_TEST(bad_inner.code() == Code::invalid_config);
    BOOST_TEST(has_text(bad_inner.status().message(), "fault+memory://x: "));
    BOOST_TEST(has_text(bad_inner.status().message(), "max_bytes"));
    const auto bad_wrapper = open("fault+memory://x?probability=7");
    BOOST_TEST(has_text(bad_wrapper.status().message(), "fault+memory://x: "));
    BOOST_TEST(has_text(bad_wrapper.status().message(), "probability"));
    BOOST_TEST(has_text(open("fault+memry://x").status().message(), "did you mean memory://?"));
    BOOST_TEST(has_text(open("fault://x").status().message(), "fault+SCHEME://"));
}

BOOST_AUTO_TEST_SUITE_END()
