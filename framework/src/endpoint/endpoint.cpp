#include "syncline/endpoint/endpoint.hpp"

#include "endpoint/call_slots.hpp"
#include "endpoint/guarded.hpp"
#include "endpoint/page_queue.hpp"
#include "endpoint/resumable.hpp"
#include "endpoint/spill_sort.hpp"
#include "endpoint/throttled.hpp"
#include "syncline/core/log.hpp"
#include "syncline/core/text.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace syncline {

namespace {

constexpr std::size_t kPageItems = 512;
constexpr std::size_t kPagesAhead = 8;
constexpr std::uint32_t kCallPageItems = 1000; // of connectors that allow one call at a time

// A root that is not there is no property of an item.
Status of_the_root(const Status& status, const std::string& location) {
    if (status.code() != Code::not_found) {
        return status.with_context(location);
    }
    Error error = status.error();
    error.code = Code::root_missing;
    return Status(std::move(error)).with_context(location);
}

// Shows what the guard does in the run's progress.
class GuardProgress : public GuardObserver {
public:
    GuardProgress(RunProgress* progress, std::string location)
        : progress_(progress), location_(std::move(location)) {}

    void retrying(const Status& after, std::int64_t wait_ns) override {
        log(LogLevel::info, "endpoint",
            location_ + ": trying again in " + std::to_string(wait_ns / 1'000'000) +
                " ms: " + after.message());
        if (progress_ != nullptr) {
            progress_->retried();
        }
    }
    void quota_wait_begins() override {
        if (progress_ != nullptr) {
            progress_->event(RunEventKind::quota_wait, Code::rate_limited, location_,
                             "waiting for quota");
            progress_->waits_for_quota(true);
        }
    }
    void quota_wait_ends(std::int64_t waited_ns) override {
        if (progress_ != nullptr) {
            progress_->waits_for_quota(false);
            progress_->waited_for_quota(static_cast<std::uint64_t>(waited_ns));
        }
    }
    void breaker_changed(const BreakerEvent& event) override {
        log(event.to == BreakerState::open ? LogLevel::warning : LogLevel::info, "endpoint",
            location_ + ": circuit breaker " + std::string(name_of(event.to)));
        if (progress_ != nullptr) {
            progress_->event(RunEventKind::breaker_changed, Code::ok, location_, name_of(event.to));
            const bool was_open = event.from == BreakerState::open;
            const bool is_open = event.to == BreakerState::open;
            if (was_open != is_open) {
                progress_->breaker_open(is_open);
            }
        }
    }

private:
    RunProgress* const progress_;
    const std::string location_;
};

struct Shared {
    std::unique_ptr<Connector> connector;
    EndpointOptions options;
    GuardProgress observer;
    std::unique_ptr<CallGuard> guard;
    ConnectorInfo info;
    std::unique_ptr<CallSlots> slots;

    Shared(std::unique_ptr<Connector> c, EndpointOptions o)
        : connector(std::move(c)), options(std::move(o)),
          observer(options.progress, options.location) {}

    GuardedSlots calls() const { return {*guard, *slots}; }
};

// Carries items from the connector's listing into pages.
class PageSink : public ItemSink {
public:
    PageSink(PageQueue& queue, Shared& shared, bool blocking)
        : queue_(queue), shared_(shared), blocking_(blocking), page_(queue.take_free()) {}

    Result<Flow> items(std::span<const ItemView> items) override {
        if (shared_.options.progress != nullptr) {
            shared_.options.progress->listed(items.size());
        }
        page_->append(items);
        listed_ += items.size();
        last_key_ = items.empty() ? std::move(last_key_) : Bytes(items.back().key);
        if (blocking_ && page_->size() >= kPageItems && !hand_over()) {
            return Status(Code::cancelled, "the listing is no longer wanted");
        }
        // A connector that allows one call at a time must not hold its slot while the reader
        // thinks.
        return !blocking_ && page_->size() >= kCallPageItems ? Flow::stop : Flow::more;
    }

    // Of what the connector listed, whole or not; empty at first.
    const Bytes& last_key() const { return last_key_; }
    std::uint64_t listed() const { return listed_; } // items

    // False when the reader has gone.
    bool hand_over() {
        if (page_->size() == 0) {
            return true;
        }
        page_->seal();
        if (!queue_.push(std::move(page_))) {
            page_ = std::make_unique<Page>();
            return false;
        }
        page_ = queue_.take_free();
        return true;
    }

private:
    PageQueue& queue_;
    Shared& shared_;
    bool blocking_;
    Bytes last_key_;
    std::uint64_t listed_ = 0;
    std::unique_ptr<Page> page_;
};

// A listing that broke off goes on after its last item, where there is an order.
class ListCourse {
public:
    ListCourse(const PageSink& sink, bool is_ordered)
        : sink_(sink), is_ordered_(is_ordered), listed_before_(sink.listed()) {}

    bool can_repeat(const Status&) const { return is_ordered_ || progress() == 0; }
    static bool is_foreign() { return false; }
    std::uint64_t progress() const { return sink_.listed() - listed_before_; } // items

private:
    const PageSink& sink_;
    bool is_ordered_;
    std::uint64_t listed_before_;
};

// A listing in its own thread, read page by page; checks that the order is what the connector
// promised.
class OrderedStream : public ItemStream {
public:
    OrderedStream(Shared& shared, const CallContext& call)
        : shared_(shared), queue_(kPagesAhead), call_(call),
          thread_([this](const std::stop_token& abandoned) { list(abandoned); }) {}

    ~OrderedStream() override {
        queue_.abandon();
        thread_.request_stop();
    }

    Result<bool> next(ItemView& item) override {
        while (page_ == nullptr || index_ == page_->size()) {
            if (page_ != nullptr && page_->size() > 0) {
                last_key_ = page_->items().back().key;
            }
            page_ = queue_.pop(std::move(page_));
            index_ = 0;
            if (page_ == nullptr) {
                if (!queue_.status().ok()) {
                    return of_the_root(queue_.status(), shared_.options.location);
                }
                return false;
            }
        }
        item = page_->items()[index_];
        const BytesView before =
            index_ == 0 ? BytesView(last_key_) : page_->items()[index_ - 1].key;
        if (shared_.info.lists_in_order && item.key <= before && !before.empty()) {
            return Status(Code::internal,
                          shared_.options.location + ": the connector " +
                              shared_.connector->plugin_id() + " lists '" + display_key(item.key) +
                              "' after '" + display_key(before) +
                              "' although it promises ascending keys; report this to its author");
        }
        ++index_;
        return true;
    }

private:
    void list(const std::stop_token& abandoned) {
        std::stop_source either;
        const std::stop_callback from_caller(call_.stop, [&either] { either.request_stop(); });
        const std::stop_callback from_reader(abandoned, [&either] { either.request_stop(); });
        CallContext call = call_;
        call.stop = either.get_token();

        const bool blocking = shared_.info.max_concurrency > 1;
        PageSink sink(queue_, shared_, blocking);
        Bytes cursor;
        bool has_more = true;
        while (has_more) {
            const ListCourse course(sink, shared_.info.lists_in_order);
            const Result<Bytes> next = shared_.calls().ask<Bytes>(
                kLongRead, call,
                [&](const CallContext& attempt) {
                    ListRequest request;
                    request.max_items = blocking ? UINT32_MAX : kCallPageItems;
                    // A listing that broke off goes on after the last item that it gave.
                    if (course.progress() == 0) {
                        request.cursor = cursor;
                    }
                    if (request.cursor.empty()) {
                        request.start_after = sink.last_key();
                    }
                    return shared_.connector->list(attempt, request, sink);
                },
                course);
            if (next.code() == Code::cursor_expired && !cursor.empty() &&
                shared_.info.lists_in_order) {
                cursor.clear(); // the last key says as well where to go on
                continue;
            }
            if (!next.ok()) {
                queue_.finish(next.status());
                return;
            }
            if (!sink.hand_over()) {
                return;
            }
            if (!next->empty() && *next == cursor) {
                queue_.finish(
                    Status(Code::internal,
                           "the connector " + shared_.connector->plugin_id() +
                               " gave the same cursor twice; its listing would never end"));
                return;
            }
            cursor = *next;
            has_more = !cursor.empty();
        }
        queue_.finish({});
    }

    Shared& shared_;
    PageQueue queue_;
    CallContext call_;
    std::unique_ptr<Page> page_;
    std::size_t index_ = 0;
    Bytes last_key_;
    std::jthread thread_; // last: it uses everything above
};

class SortedStream : public ItemStream {
public:
    SortedStream(Shared& shared, const CallContext& call)
        : sort_(shared.options.spill_directory, shared.options.spill_memory),
          unordered_(shared, call) {}

    Result<bool> next(ItemView& item) override {
        if (!sorted_) {
            ItemView any;
            while (true) {
                Result<bool> more = unordered_.next(any);
                if (!more.ok()) {
                    return more;
                }
                if (!*more) {
                    break;
                }
                SYNCLINE_TRY(sort_.add(any));
            }
            SYNCLINE_TRY(sort_.finish_adding());
            sorted_ = true;
        }
        return sort_.next(item);
    }

private:
    SpillSort sort_;
    OrderedStream unordered_;
    bool sorted_ = false;
};

class EndpointImpl : public Endpoint {
public:
    explicit EndpointImpl(std::unique_ptr<Shared> shared) : shared_(std::move(shared)) {}

    const ConnectorInfo& info() const override { return shared_->info; }
    const std::string& location() const override { return shared_->options.location; }

    Result<std::unique_ptr<ItemStream>> list(const CallContext& call) override {
        if (shared_->info.lists_in_order) {
            return std::unique_ptr<ItemStream>(std::make_unique<OrderedStream>(*shared_, call));
        }
        return std::unique_ptr<ItemStream>(std::make_unique<SortedStream>(*shared_, call));
    }

    GuardStats guard_stats() override { return shared_->guard->stats(); }

    Result<Item> stat(const CallContext& call, BytesView key) override {
        return calls().ask<Item>(kRead, call, [&](const CallContext& attempt) {
            return connector().stat(attempt, key);
        });
    }
    Status get(const CallContext& call, const GetRequest& request, BodySink& sink) override {
        if (RateLimiter* const bandwidth = shared_->options.bandwidth) {
            ThrottledSink throttled(sink, *bandwidth, call);
            return get_resumable(call, request, throttled);
        }
        return get_resumable(call, request, sink);
    }
    Status get_resumable(const CallContext& call, const GetRequest& request, BodySink& sink) {
        ResumableSink resumable(sink, info(), request);
        return calls().run(
            kLongRead, call,
            [&](const CallContext& attempt) {
                return connector().get(attempt, resumable.request(), resumable);
            },
            resumable);
    }
    bool has_local_bodies() const override {
        return shared_->connector->local_bodies() != nullptr &&
               shared_->options.bandwidth == nullptr;
    }
    Result<LocalBody> open_body(const CallContext& call, const GetRequest& request) override {
        return calls().ask<LocalBody>(kRead, call, [&](const CallContext& attempt) {
            return connector().local_bodies()->open_body(attempt, request);
        });
    }
    Result<Item> put(const CallContext& call, const PutRequest& request,
                     BodyReader& body) override {
        RepeatableBody repeatable(body);
        return calls().ask<Item>(
            put_traits(request), call,
            [&](const CallContext& attempt) {
                return connector().put(attempt, request, repeatable);
            },
            repeatable);
    }
    Result<Item> put_fd(const CallContext& call, const PutRequest& request, int fd) override {
        return calls().ask<Item>(put_traits(request), call, [&](const CallContext& attempt) {
            return connector().local_bodies()->put_fd(attempt, request, fd);
        });
    }
    Status remove(const CallContext& call, const RemoveRequest& request) override {
        return calls().run(kWrite, call, [&](const CallContext& attempt) {
            return connector().remove(attempt, request);
        });
    }
    bool can_set_meta() const override { return shared_->connector->meta_writer() != nullptr; }
    Result<Item> set_meta(const CallContext& call, const PutRequest& request) override {
        return calls().ask<Item>(kWrite, call, [&](const CallContext& attempt) {
            return connector().meta_writer()->set_meta(attempt, request);
        });
    }
    bool can_rename() const override { return shared_->connector->renamer() != nullptr; }
    Result<Item> rename(const CallContext& call, const RenameRequest& request) override {
        return calls().ask<Item>(kWrite, call, [&](const CallContext& attempt) {
            return connector().renamer()->rename(attempt, request);
        });
    }
    Status flush(const CallContext& call) override {
        // A system tells of a failed write-back once; a second flush would succeed and mean
        // nothing.
        struct IfRefused : StartsOver {
            static bool can_repeat(const Status& after) {
                return after.code() == Code::unavailable || after.code() == Code::rate_limited;
            }
        };
        return calls().run(
            kFlush, call, [&](const CallContext& attempt) { return connector().flush(attempt); },
            IfRefused());
    }

private:
    CallTraits put_traits(const PutRequest& request) const {
        CallTraits traits = kLongWrite;
        traits.is_idempotent = info().idempotent_put && !request.idempotency.empty();
        return traits;
    }
    Connector& connector() { return *shared_->connector; }
    GuardedSlots calls() const { return shared_->calls(); }
    std::unique_ptr<Shared> shared_;
};

} // namespace

std::unique_ptr<RateLimiter> make_bandwidth(std::uint64_t bytes_per_s, const Clock& clock) {
    if (bytes_per_s == 0) {
        return nullptr;
    }
    RateLimiterOptions options;
    options.rate_per_s = static_cast<double>(bytes_per_s);
    options.burst = static_cast<std::int64_t>(
        std::clamp<std::uint64_t>(bytes_per_s / 4, 4096, std::uint64_t{4} << 20U));
    return make_rate_limiter(options, clock);
}

Result<std::unique_ptr<Endpoint>> make_endpoint(std::unique_ptr<Connector> connector,
                                                EndpointOptions options, const Clock& clock,
                                                const CallContext& call) {
    auto shared = std::make_unique<Shared>(std::move(connector), std::move(options));
    Result<std::unique_ptr<CallGuard>> guard =
        make_call_guard(shared->options.location, shared->options.guard, clock, &shared->observer);
    if (!guard.ok()) {
        return guard.status().with_context(shared->options.location);
    }
    shared->guard = *std::move(guard);
    shared->slots = std::make_unique<CallSlots>(1, clock);
    const auto unreachable = [&](const Status& why) {
        if (shared->options.unreachable != nullptr) {
            *shared->options.unreachable = shared->guard->stats();
        }
        return of_the_root(why, shared->options.location);
    };
    const Status reachable = shared->calls().run(
        kRead, call, [&](const CallContext& attempt) { return shared->connector->check(attempt); });
    if (!reachable.ok()) {
        return unreachable(reachable);
    }
    Result<ConnectorInfo> info = shared->calls().ask<ConnectorInfo>(
        kRead, call, [&](const CallContext& attempt) { return shared->connector->info(attempt); });
    if (!info.ok()) {
        return unreachable(info.status());
    }
    shared->info = *std::move(info);
    shared->slots = std::make_unique<CallSlots>(std::max(1U, shared->info.max_concurrency), clock);
    return std::unique_ptr<Endpoint>(std::make_unique<EndpointImpl>(std::move(shared)));
}

} // namespace syncline
