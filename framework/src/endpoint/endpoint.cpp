#include "syncline/endpoint/endpoint.hpp"

#include "endpoint/call_slots.hpp"
#include "endpoint/page_queue.hpp"
#include "endpoint/spill_sort.hpp"
#include "syncline/core/text.hpp"

#include <thread>
#include <utility>

namespace syncline {

namespace {

constexpr std::size_t kPageItems = 512;
constexpr std::size_t kPagesAhead = 8;
constexpr std::uint32_t kCallPageItems = 1000; // of connectors that allow one call at a time

struct Shared {
    std::unique_ptr<Connector> connector;
    ConnectorInfo info;
    EndpointOptions options;
    CallSlots slots;

    Shared(std::unique_ptr<Connector> c, ConnectorInfo i, EndpointOptions o)
        : connector(std::move(c)), info(std::move(i)), options(std::move(o)),
          slots(info.max_concurrency == 0 ? 1 : info.max_concurrency) {}

    // A root that is not there is no property of an item.
    Status listing_error(const Status& status) const {
        if (status.code() != Code::not_found) {
            return status.with_context(options.location);
        }
        Error error = status.error();
        error.code = Code::root_missing;
        return Status(std::move(error)).with_context(options.location);
    }
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
        if (blocking_ && page_->size() >= kPageItems && !hand_over()) {
            return Status(Code::cancelled, "the listing is no longer wanted");
        }
        // A connector that allows one call at a time must not hold its slot while the reader
        // thinks.
        return !blocking_ && page_->size() >= kCallPageItems ? Flow::stop : Flow::more;
    }

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
    std::unique_ptr<Page> page_;
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
                    return shared_.listing_error(queue_.status());
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
        do {
            ListRequest request;
            request.cursor = cursor;
            request.max_items = blocking ? UINT32_MAX : kCallPageItems;
            Result<Bytes> next = [&] {
                const CallSlots::Slot slot(shared_.slots);
                return shared_.connector->list(call, request, sink);
            }();
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
            cursor = *std::move(next);
        } while (!cursor.empty());
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

    Result<Item> stat(const CallContext& call, BytesView key) override {
        const CallSlots::Slot slot(shared_->slots);
        return connector().stat(call, key);
    }
    Status get(const CallContext& call, const GetRequest& request, BodySink& sink) override {
        const CallSlots::Slot slot(shared_->slots);
        return connector().get(call, request, sink);
    }
    bool has_local_bodies() const override { return shared_->connector->local_bodies() != nullptr; }
    Result<LocalBody> open_body(const CallContext& call, const GetRequest& request) override {
        const CallSlots::Slot slot(shared_->slots);
        return connector().local_bodies()->open_body(call, request);
    }
    Result<Item> put(const CallContext& call, const PutRequest& request,
                     BodyReader& body) override {
        const CallSlots::Slot slot(shared_->slots);
        return connector().put(call, request, body);
    }
    Result<Item> put_fd(const CallContext& call, const PutRequest& request, int fd) override {
        const CallSlots::Slot slot(shared_->slots);
        return connector().local_bodies()->put_fd(call, request, fd);
    }
    Status remove(const CallContext& call, const RemoveRequest& request) override {
        const CallSlots::Slot slot(shared_->slots);
        return connector().remove(call, request);
    }
    bool can_set_meta() const override { return shared_->connector->meta_writer() != nullptr; }
    Result<Item> set_meta(const CallContext& call, const PutRequest& request) override {
        const CallSlots::Slot slot(shared_->slots);
        return connector().meta_writer()->set_meta(call, request);
    }
    bool can_rename() const override { return shared_->connector->renamer() != nullptr; }
    Result<Item> rename(const CallContext& call, const RenameRequest& request) override {
        const CallSlots::Slot slot(shared_->slots);
        return connector().renamer()->rename(call, request);
    }
    Status flush(const CallContext& call) override {
        const CallSlots::Slot slot(shared_->slots);
        return connector().flush(call);
    }

private:
    Connector& connector() { return *shared_->connector; }
    std::unique_ptr<Shared> shared_;
};

} // namespace

Result<std::unique_ptr<Endpoint>> make_endpoint(std::unique_ptr<Connector> connector,
                                                EndpointOptions options, const CallContext& call) {
    const auto failed = [&](const Status& status) {
        if (status.code() != Code::not_found) {
            return status.with_context(options.location);
        }
        Error error = status.error();
        error.code = Code::root_missing;
        return Status(std::move(error)).with_context(options.location);
    };
    const Status reachable = connector->check(call);
    if (!reachable.ok()) {
        return failed(reachable);
    }
    Result<ConnectorInfo> info = connector->info(call);
    if (!info.ok()) {
        return failed(info.status());
    }
    return std::unique_ptr<Endpoint>(std::make_unique<EndpointImpl>(
        std::make_unique<Shared>(std::move(connector), *std::move(info), std::move(options))));
}

} // namespace syncline
