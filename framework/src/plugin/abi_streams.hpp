// The sinks and readers that a plugin is given for one call. Each checks what the plugin does with
// it, passes it on to the engine, and remembers the first failure, after which it refuses
// everything: no exception and no broken promise goes through in either direction.
//
// All live on the stack of the call. Plugins may use them from their own threads, so each locks.
#pragma once

#include "plugin/abi_item.hpp"
#include "plugin/call.hpp"
#include "plugin/status_of.hpp"
#include "syncline/core/status.hpp"
#include "syncline/plugin/connector.hpp"

#include <syncline/abi/item.h>

#include <mutex>
#include <new>
#include <optional>

namespace syncline::plugin {

class Stream {
public:
    explicit Stream(const Origin& origin) : origin_(origin) {}
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // What went wrong on our side of the stream, or what the plugin did wrong. After the call.
    Status failure() const {
        const std::lock_guard lock(mutex_);
        return out_of_memory_ ? Status(Code::out_of_memory, "out of memory") : failure_;
    }

protected:
    ~Stream() = default;

    syncline_status fail(Status why) {
        failure_ = std::move(why);
        return SYNCLINE_E_ABORTED;
    }
    syncline_status refuse(std::string_view what) { return fail(protocol_error(origin_, what)); }
    const Origin& origin() const { return origin_; }

    // The barrier every function that plugins see consists of. `body` returns its answer, < 0 after
    // fail().
    template <typename Self, typename F>
    static auto guarded(void* impl, F&& body) noexcept
        -> decltype(body(*static_cast<Self*>(impl))) {
        using Answer = decltype(body(*static_cast<Self*>(impl)));
        auto& self = *static_cast<Self*>(impl);
        if (!self.live_.alive()) {
            return static_cast<Answer>(SYNCLINE_E_INVALID_STATE);
        }
        const std::lock_guard lock(self.mutex_);
        if (self.out_of_memory_ || !self.failure_.ok()) {
            return static_cast<Answer>(SYNCLINE_E_ABORTED);
        }
        try {
            try {
                return body(self);
            } catch (const std::bad_alloc&) {
                self.out_of_memory_ = true;
            } catch (const std::exception& error) {
                self.fail(Status(Code::internal, error.what()));
            }
        } catch (...) {
            self.out_of_memory_ = true;
        }
        return static_cast<Answer>(SYNCLINE_E_ABORTED);
    }

private:
    const Origin origin_;
    mutable std::mutex mutex_;
    Status failure_;
    bool out_of_memory_ = false;
    [[no_unique_address]] LiveMark live_;
};

// A page of a listing.
class PageSink : public Stream {
public:
    PageSink(ItemSink& sink, ItemReader& reader, std::uint32_t max_items, const Origin& origin);
    const syncline_item_sink* abi() const { return &abi_; }
    Bytes take_cursor() { return std::move(cursor_); } // empty: the last page

private:
    syncline_item_sink abi_;
    ItemSink& sink_;
    ItemReader& reader_;
    std::uint64_t left_;
    Bytes cursor_;
    bool stopped_ = false;
    bool ended_ = false;
};

// Exactly one item.
class OneItemSink : public Stream {
public:
    explicit OneItemSink(const Origin& origin);
    const syncline_item_sink* abi() const { return &abi_; }
    // After a call that returned OK: the item, or that it is missing.
    Result<Item> take();

private:
    syncline_item_sink abi_;
    std::optional<Item> item_;
};

// The body of an object.
class GetSink : public Stream {
public:
    GetSink(BodySink& sink, const GetRequest& request, const Origin& origin);
    const syncline_get_sink* abi() const { return &abi_; }
    // After a call that returned OK: whether everything came.
    Status complete() const;

private:
    syncline_get_sink abi_;
    BodySink& sink_;
    const GetRequest& request_;
    ItemReader reader_;
    bool begun_ = false;
    std::uint64_t expected_ = kUnknownSize;
    std::uint64_t written_ = 0;
};

// The body of a put.
class PutReader : public Stream {
public:
    PutReader(BodyReader& body, const Origin& origin);
    const syncline_reader* abi() const { return &abi_; }

private:
    syncline_reader abi_;
    BodyReader& body_;
};

} // namespace syncline::plugin
