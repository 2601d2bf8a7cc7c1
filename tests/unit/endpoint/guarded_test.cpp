// Calls that break off and are taken up again; a side that is left alone.
#include "fakes/world.hpp"
#include "syncline/endpoint/content_hash_of.hpp"
#include "syncline/endpoint/endpoint.hpp"

#include <deque>

using namespace syncline;
using namespace syncline::fakes;

namespace {

const Status kUnavailable(Code::unavailable, "the line went dead");

// Breaks off bodies and listings after so many bytes or items, once for each number given.
class Breaking : public FakeConnector {
public:
    std::deque<std::size_t> get_breaks;
    std::deque<std::size_t> put_breaks;
    std::deque<std::size_t> list_breaks;
    int cursors_expire = 0;             // so many cursors are refused
    std::vector<std::uint64_t> offsets; // of each get
    std::vector<Bytes> starts;          // start_after of each list
    std::function<void()> between;      // after a break

    Status get(const CallContext& call, const GetRequest& request, BodySink& sink) override {
        offsets.push_back(request.offset);
        if (get_breaks.empty()) {
            return FakeConnector::get(call, request, sink);
        }
        Cut cut(sink, get_breaks.front());
        get_breaks.pop_front();
        const Status status = FakeConnector::get(call, request, cut);
        if (between) {
            between();
        }
        return cut.is_cut() ? kUnavailable : status;
    }
    Result<Item> put(const CallContext& call, const PutRequest& request,
                     BodyReader& body) override {
        if (put_breaks.empty()) {
            return FakeConnector::put(call, request, body);
        }
        Bytes some(put_breaks.front(), '\0');
        put_breaks.pop_front();
        (void)body.read(some.data(), some.size());
        return kUnavailable;
    }
    Result<Bytes> list(const CallContext& call, const ListRequest& request,
                       ItemSink& sink) override {
        starts.emplace_back(request.start_after);
        if (!request.cursor.empty() && cursors_expire > 0) {
            --cursors_expire;
            return Status(Code::cursor_expired, "that was long ago");
        }
        fail_listing_after.reset();
        if (!list_breaks.empty()) {
            fail_listing_after = list_breaks.front();
            list_breaks.pop_front();
        }
        return FakeConnector::list(call, request, sink);
    }

private:
    class Cut : public BodySink {
    public:
        Cut(BodySink& sink, std::size_t bytes) : sink_(sink), left_(bytes) {}
        Status begin(const ItemView& item) override { return sink_.begin(item); }
        Status write(BytesView bytes) override {
            const BytesView some = bytes.substr(0, left_);
            left_ -= some.size();
            if (!some.empty()) {
                SYNCLINE_TRY(sink_.write(some));
            }
            is_cut_ = is_cut_ || some.size() < bytes.size();
            return is_cut_ ? kUnavailable : Status();
        }
        bool is_cut() const { return is_cut_; }

    private:
        BodySink& sink_;
        std::size_t left_;
        bool is_cut_ = false;
    };
};

class Collect : public BodySink {
public:
    int begun = 0;
    Bytes body;
    Status refusal;
    Status begin(const ItemView&) override {
        ++begun;
        return {};
    }
    Status write(BytesView bytes) override {
        body.append(bytes);
        return refusal;
    }
};

class OnceReader : public BodyReader {
public:
    explicit OnceReader(Bytes body) : body_(std::move(body)) {}
    std::uint64_t size() const override { return body_.size(); }
    Result<std::size_t> read(char* buffer, std::size_t capacity) override {
        const std::size_t n = body_.copy(buffer, capacity, at_);
        at_ += n;
        return n;
    }

protected:
    Bytes body_;
    std::size_t at_ = 0;
};

class TwiceReader : public OnceReader {
public:
    using OnceReader::OnceReader;
    bool rewindable() const override { return true; }
    Status rewind() override {
        at_ = 0;
        return {};
    }
};

struct Guarded {
    FakeClock clock;
    Breaking* store = nullptr; // lives in the endpoint
    std::unique_ptr<Endpoint> endpoint;

    explicit Guarded(const std::function<void(Breaking&)>& prepare = {}) {
        auto connector = std::make_unique<Breaking>();
        store = connector.get();
        store->write_bytes = 4;
        if (prepare) {
            prepare(*store);
        }
        EndpointOptions options;
        options.location = "fake://s";
        options.spill_directory = std::filesystem::temp_directory_path();
        Result<std::unique_ptr<Endpoint>> made =
            make_endpoint(std::move(connector), options, clock, {});
        BOOST_REQUIRE(made.ok());
        endpoint = *std::move(made);
    }
    Status get(Collect& sink) {
        GetRequest request;
        request.key = "k";
        return endpoint->get({}, request, sink);
    }
    Result<std::vector<Bytes>> list() {
        Result<std::unique_ptr<ItemStream>> stream = endpoint->list({});
        BOOST_REQUIRE(stream.ok());
        std::vector<Bytes> keys;
        ItemView item;
        while (true) {
            const Result<bool> more = (*stream)->next(item);
            if (!more.ok()) {
                return more.status();
            }
            if (!*more) {
                return keys;
            }
            keys.emplace_back(item.key);
        }
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(guarded_endpoint)

BOOST_AUTO_TEST_CASE(a_body_that_breaks_off_goes_on_at_the_byte_where_it_ended) {
    Guarded g;
    g.store->add_object("k", "0123456789");
    g.store->get_breaks = {6, 0, 3};
    Collect sink;
    BOOST_TEST(g.get(sink).ok());
    BOOST_TEST(sink.body == "0123456789");
    BOOST_TEST(sink.begun == 1);
    BOOST_TEST((g.store->offsets == std::vector<std::uint64_t>{0, 6, 6, 9}));
    BOOST_TEST(g.endpoint->guard_stats().retries == 3U);
}

BOOST_AUTO_TEST_CASE(a_body_that_changed_meanwhile_does_not_go_on) {
    for (const bool can_ask_for_version : {true, false}) {
        Guarded g([&](Breaking& s) { s.info_answer.get_if_version = can_ask_for_version; });
        g.store->add_object("k", "0123456789");
        g.store->get_breaks = {6};
        g.store->between = [&] {
            g.store->between = nullptr;
            g.store->add_object("k", "other text");
        };
        Collect sink;
        BOOST_TEST((g.get(sink).code() == Code::conflict));
        BOOST_TEST(sink.body == "012345");
    }
}

BOOST_AUTO_TEST_CASE(a_body_without_ranges_is_not_made_again_once_bytes_were_passed_on) {
    Guarded g([](Breaking& s) { s.info_answer.get_range = false; });
    g.store->add_object("k", "0123456789");
    g.store->get_breaks = {6};
    Collect sink;
    BOOST_TEST((g.get(sink).code() == Code::unavailable));
    g.store->get_breaks = {0};
    Collect again;
    BOOST_TEST(g.get(again).ok());
    BOOST_TEST(again.body == "0123456789");
}

BOOST_AUTO_TEST_CASE(what_the_reader_of_a_body_refuses_is_not_sent_again) {
    Guarded g;
    g.store->add_object("k", "0123456789");
    Collect sink;
    sink.refusal = Status(Code::io, "disk full");
    BOOST_TEST(!g.get(sink).ok());
    BOOST_TEST(g.store->offsets.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_body_that_can_be_read_twice_is_written_again_from_its_beginning) {
    Guarded g;
    g.store->put_breaks = {3, 7};
    PutRequest request;
    request.key = "k";
    request.item.kind = ItemKind::object;
    TwiceReader twice("0123456789");
    BOOST_TEST(g.endpoint->put({}, request, twice).ok());
    BOOST_TEST(*g.store->content("k") == "0123456789");
}

BOOST_AUTO_TEST_CASE(a_body_that_cannot_be_read_twice_is_written_once) {
    Guarded g;
    g.store->put_breaks = {3};
    PutRequest request;
    request.key = "k";
    request.item.kind = ItemKind::object;
    OnceReader once("0123456789");
    BOOST_TEST((g.endpoint->put({}, request, once).code() == Code::unavailable));
    BOOST_TEST(!g.store->content("k"));
}

BOOST_AUTO_TEST_CASE(a_listing_that_breaks_off_goes_on_after_its_last_item) {
    for (const std::uint32_t concurrency : {1U, 4U}) {
        Guarded g([&](Breaking& s) {
            s.info_answer.max_concurrency = concurrency;
            s.push_items = 8;
        });
        std::vector<Bytes> whole;
        for (int i = 100; i < 400; ++i) {
            whole.push_back("k" + std::to_string(i));
            g.store->add_object(whole.back(), "");
        }
        g.store->list_breaks = {0, 17, 200};
        const Result<std::vector<Bytes>> keys = g.list();
        BOOST_REQUIRE(keys.ok());
        BOOST_TEST((*keys == whole));
        BOOST_TEST((g.store->starts == std::vector<Bytes>{"", "", "k116", "k316"}));
    }
}

BOOST_AUTO_TEST_CASE(a_listing_whose_cursor_expired_goes_on_after_its_last_item) {
    Guarded g([](Breaking& s) { s.page_items = 10; });
    std::vector<Bytes> whole;
    for (int i = 100; i < 135; ++i) {
        whole.push_back("k" + std::to_string(i));
        g.store->add_object(whole.back(), "");
    }
    g.store->cursors_expire = 2;
    const Result<std::vector<Bytes>> keys = g.list();
    BOOST_REQUIRE(keys.ok());
    BOOST_TEST((*keys == whole));
}

BOOST_AUTO_TEST_CASE(an_unordered_listing_that_breaks_off_fails_rather_than_guess) {
    Guarded g([](Breaking& s) {
        s.info_answer.lists_in_order = false;
        s.push_items = 8;
    });
    for (int i = 100; i < 200; ++i) {
        g.store->add_object("k" + std::to_string(i), "");
    }
    g.store->list_breaks = {0};
    BOOST_TEST(g.list().ok());
    g.store->list_breaks = {17};
    BOOST_TEST((g.list().code() == Code::unavailable));
}

BOOST_AUTO_TEST_CASE(a_side_that_fails_too_often_is_left_alone_and_the_next_run_goes_on) {
    World w;
    w.guard = {};
    for (int i = 100; i < 200; ++i) {
        w.a.add_object("k" + std::to_string(i), "content", 1'000);
    }
    w.b.fail({.op = FakeOp::put, .nth = 0, .status = kUnavailable});
    const SyncReport report = w.run();
    BOOST_TEST(exit_code_of(report) == 5);
    BOOST_TEST(report.outcomes.pending > 70U);
    BOOST_TEST((report.stopped.code() == Code::circuit_open));
    BOOST_REQUIRE(report.guards.size() == 2U);
    BOOST_TEST((report.guards[0].stats.breaker.state == BreakerState::closed));
    BOOST_TEST((report.guards[1].stats.breaker.state == BreakerState::open));
    BOOST_TEST(report.retries > 0U);
    const std::string json = report_json(report, 5);
    BOOST_TEST(json.find("\"state\": \"open\"") != std::string::npos);

    w.b.clear_failures();
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(w.b.size() == 100U);
}

BOOST_AUTO_TEST_CASE(a_write_whose_answer_got_lost_is_looked_at_and_believed) {
    World w;
    w.guard = {};
    w.a.add_object("k", "content", 1'000);
    const auto lose_answer = [&] {
        w.b.fail({.op = FakeOp::put,
                  .status = Status(Code::outcome_unknown, "no answer"),
                  .after_effect = true});
    };
    lose_answer();
    BOOST_TEST(exit_code_of(w.run()) == 0);
    w.a.add_object("k", "other content", 2'000);
    lose_answer();
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(*w.b.content("k") == "other content");
    w.a.add_object("k", "a third", 3'000);
    w.b.fail({.op = FakeOp::put, .status = Status(Code::outcome_unknown, "no answer")});
    BOOST_TEST(exit_code_of(w.run()) == 4); // it was not written after all
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(*w.b.content("k") == "a third");
}

BOOST_AUTO_TEST_CASE(a_run_that_is_rate_limited_waits_and_succeeds) {
    World w;
    w.guard = {};
    w.a.add_object("k", "content", 1'000);
    w.b.fail({.op = FakeOp::put, .status = Status(Error{Code::rate_limited, "slowly", {}, 1'500})});
    const SyncReport report = w.run();
    BOOST_TEST(exit_code_of(report) == 0);
    BOOST_TEST(report.quota_wait_ms == 1'500);
    BOOST_TEST(report.retries == 0U);
    BOOST_TEST(w.b.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
