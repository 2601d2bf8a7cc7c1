#include "syncline/endpoint/endpoint.hpp"

#include "fakes/world.hpp"

using namespace syncline;
using namespace syncline::fakes;

namespace {

std::unique_ptr<Endpoint> endpoint_of(FakeRegistry& registry, const std::string& name) {
    Result<std::unique_ptr<Connector>> connector =
        registry.make_connector("", "{\"url\":\"fake://" + name + "\"}");
    EndpointOptions options;
    options.location = "fake://" + name;
    options.spill_directory = std::filesystem::temp_directory_path();
    Result<std::unique_ptr<Endpoint>> endpoint =
        make_endpoint(*std::move(connector), options, system_clock(), {});
    BOOST_REQUIRE(endpoint.ok());
    return *std::move(endpoint);
}

Status read_all(Endpoint& endpoint, std::vector<Bytes>& keys) {
    Result<std::unique_ptr<ItemStream>> stream = endpoint.list({});
    SYNCLINE_TRY(stream.status());
    ItemView item;
    while (true) {
        const Result<bool> more = (*stream)->next(item);
        if (!more.ok() || !*more) {
            return more.status();
        }
        keys.emplace_back(item.key);
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(endpoint)

BOOST_AUTO_TEST_CASE(pages_of_every_size_give_the_same_listing) {
    FakeRegistry registry;
    FakeConnector& store = registry.store("s");
    for (int i = 0; i < 1'500; ++i) {
        store.add_object("k" + std::to_string(i), "");
    }
    std::vector<Bytes> whole;
    BOOST_REQUIRE(read_all(*endpoint_of(registry, "s"), whole).ok());
    BOOST_TEST(whole.size() == 1'500U);
    for (const std::uint32_t page : {1U, 7U, 1'000U}) {
        store.page_items = page;
        for (const std::uint32_t concurrency : {1U, 4U}) {
            store.info_answer.max_concurrency = concurrency;
            std::vector<Bytes> keys;
            BOOST_REQUIRE(read_all(*endpoint_of(registry, "s"), keys).ok());
            BOOST_TEST((keys == whole));
        }
    }
}

BOOST_AUTO_TEST_CASE(bodies_of_both_sides_together_pass_no_faster_than_the_limit) {
    FakeRegistry registry;
    FakeClock clock;
    const std::unique_ptr<RateLimiter> bandwidth = make_bandwidth(100'000, clock);
    const std::int64_t started = clock.mono_ns();
    for (const char* name : {"s", "t"}) {
        registry.store(name).add_object("k", Bytes(1'000'000, 'x'));
        Result<std::unique_ptr<Connector>> connector =
            registry.make_connector("", "{\"url\":\"fake://" + std::string(name) + "\"}");
        EndpointOptions options;
        options.location = name;
        options.bandwidth = bandwidth.get();
        Result<std::unique_ptr<Endpoint>> endpoint =
            make_endpoint(*std::move(connector), options, clock, {});
        BOOST_REQUIRE(endpoint.ok());
        FakeBodySink sink;
        GetRequest request;
        request.key = "k";
        BOOST_REQUIRE((*endpoint)->get({}, request, sink).ok());
        BOOST_TEST(sink.bytes().size() == 1'000'000U);
    }
    // Two million bytes at a hundred thousand a second, but for the quarter of a second that was
    // there at first.
    const std::int64_t took_ms = (clock.mono_ns() - started) / 1'000'000;
    BOOST_TEST(took_ms >= 19'700);
    BOOST_TEST(took_ms <= 20'000);
    BOOST_TEST(make_bandwidth(0, clock) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_listing_out_of_order_is_refused) {
    FakeRegistry registry;
    FakeConnector& store = registry.store("s");
    store.info_answer.lists_in_order = false; // lists in its own order ...
    for (int i = 0; i < 50; ++i) {
        store.add_object("k" + std::to_string(i), "");
    }
    std::vector<Bytes> keys;
    BOOST_REQUIRE(read_all(*endpoint_of(registry, "s"), keys).ok());
    BOOST_TEST(std::is_sorted(keys.begin(), keys.end()));
}

BOOST_AUTO_TEST_CASE(a_stream_that_is_dropped_early_ends_its_listing) {
    FakeRegistry registry;
    FakeConnector& store = registry.store("s");
    for (int i = 0; i < 50'000; ++i) {
        store.add_object("k" + std::to_string(i), "");
    }
    const std::unique_ptr<Endpoint> endpoint = endpoint_of(registry, "s");
    for (int i = 0; i < 20; ++i) {
        Result<std::unique_ptr<ItemStream>> stream = endpoint->list({});
        BOOST_REQUIRE(stream.ok());
        ItemView item;
        BOOST_REQUIRE(*(*stream)->next(item));
    }
}

BOOST_AUTO_TEST_CASE(a_root_that_is_gone_is_no_empty_listing) {
    FakeRegistry registry;
    FakeConnector& store = registry.store("s");
    const std::unique_ptr<Endpoint> endpoint = endpoint_of(registry, "s");
    store.fail(
        {.op = FakeOp::list, .key = {}, .nth = 1, .status = Status(Code::not_found, "gone")});
    std::vector<Bytes> keys;
    const Status status = read_all(*endpoint, keys);
    BOOST_TEST((status.code() == Code::root_missing));
    BOOST_TEST(status.message().find("fake://s") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
