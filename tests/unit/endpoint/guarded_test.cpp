// Calls that break off and are taken up again; a side that is left alone.
#include "fakes/world.hpp"
#include "syncline/endpoint/content_hash_of.hpp"
#include "syncline/endpoint/endpoint.hpp"

#include <deque>
#include <latch>
#include <thread>

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

BOOST_AUTO_TEST_CASE(what_gets_further_each_time_may_break_off_however_often_and_take_its_time) {
    Guarded g([](Breaking& s) { s.push_items = 1; });
    g.store->add_object("k", "0123456789");
    g.store->between = [&] { g.clock.advance_ms(100'000); };
    g.store->get_breaks = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    Collect sink;
    BOOST_TEST(g.get(sink).ok());
    BOOST_TEST(sink.body == "0123456789");
    for (int i = 100; i < 110; ++i) {
        g.store->add_object("k" + std::to_string(i), "");
    }
    g.store->list_breaks = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    const Result<std::vector<Bytes>> keys = g.list();
    BOOST_REQUIRE(keys.ok());
    BOOST_TEST(keys->size() == 11U);
}

BOOST_AUTO_TEST_CASE(a_call_that_waits_for_a_slot_ends_when_it_is_cancelled) {
    Guarded g([](Breaking& s) { s.info_answer.max_concurrency = 1; });
    g.store->add_object("k", "");
    std::latch has_begun(1);
    std::latch may_end(1);
    g.store->before_call = [&](FakeOp op, BytesView) {
        if (op == FakeOp::flush) {
            has_begun.count_down();
            may_end.wait();
        }
        return Status();
    };
    Status flushed;
    std::thread holder([&] { flushed = g.endpoint->flush({}); });
    has_begun.wait();
    std::stop_source stop;
    Status refused;
    std::thread waiter([&] {
        CallContext call;
        call.stop = stop.get_token();
        refused = g.endpoint->stat(call, "k").status();
    });
    stop.request_stop();
    waiter.join();
    CallContext late;
    late.deadline_mono_ns = g.clock.mono_ns();
    const Status too_late = g.endpoint->stat(late, "k").status();
    may_end.count_down();
    holder.join();
    BOOST_TEST((refused.code() == Code::cancelled));
    BOOST_TEST((too_late.code() == Code::timeout));
    BOOST_TEST(flushed.ok());
    BOOST_TEST(g.store->calls(FakeOp::stat) == 0U);
    BOOST_TEST(g.endpoint->stat({}, "k").ok());
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

BOOST_AUTO_TEST_CASE(a_side_that_cannot_be_reached_is_in_the_report_with_its_breaker) {
    World w;
    w.guard = {};
    w.guard.breaker.consecutive_failures = 1;
    w.b.fail({.op = FakeOp::check, .nth = 0, .status = kUnavailable});
    const SyncReport report = w.run_to_its_end();
    BOOST_TEST((report.error.code() == Code::circuit_open));
    BOOST_TEST(exit_code_of(report) == 5);
    BOOST_REQUIRE(report.guards.size() == 2U);
    BOOST_TEST((report.guards[1].side == Side::target));
    BOOST_TEST((report.guards[1].stats.breaker.state == BreakerState::open));
    BOOST_TEST(report.guards[1].stats.retries == report.retries);
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
