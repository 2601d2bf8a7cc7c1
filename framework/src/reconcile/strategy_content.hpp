// What strategies read: the bodies of both sides and of their base. Each is fetched when it is
// first touched, and whole, so that all of it is of one version.
//
// Threads: one at a time.
#pragma once

#include "syncline/core/text.hpp"
#include "syncline/endpoint/endpoint.hpp"
#include "syncline/plugin/conflict_strategy.hpp"
#include "syncline/state/base_content.hpp"

#include <algorithm>
#include <optional>

namespace syncline {

inline constexpr std::uint64_t kMostContentInMemory = std::uint64_t{64} << 20U;

class FetchedContent : public Content {
public:
    std::uint64_t size() const override { return size_; }
    Result<std::size_t> read_at(const CallContext& call, std::uint64_t offset, char* buffer,
                                std::size_t capacity) override {
        if (!bytes_) {
            SYNCLINE_TRY(fetch_once(call));
        }
        if (offset >= bytes_->size()) {
            return std::size_t{0};
        }
        return bytes_->copy(buffer, capacity, static_cast<std::size_t>(offset));
    }
    // Whether it was read, and is this.
    bool is(BytesView bytes) const { return bytes_ && BytesView(*bytes_) == bytes; }

protected:
    explicit FetchedContent(std::uint64_t size) : size_(size) {}

private:
    virtual Result<Bytes> fetch(const CallContext& call) = 0;
    Status fetch_once(const CallContext& call) {
        Result<Bytes> bytes = fetch(call);
        if (!bytes.ok()) {
            return bytes.status();
        }
        bytes_ = *std::move(bytes);
        return {};
    }

    std::uint64_t size_;
    std::optional<Bytes> bytes_;
};

// A side's body, of the version that was listed.
class SideContent final : public FetchedContent {
public:
    SideContent(ItemReader& side, BytesView key, const Item& item)
        : FetchedContent(item.size), side_(side), key_(key), item_(item) {}

private:
    class Sink : public BodySink {
    public:
        Sink(BytesView key, const Item& item) : key_(key), item_(item) {}
        Status begin(const ItemView& now) override {
            return item_.version.empty() || now.version == item_.version ? Status() : moved();
        }
        Status write(BytesView bytes) override {
            if (bytes.size() > kMostContentInMemory - bytes_.size()) {
                return Status(Code::too_large,
                              "'" + display_key(key_) + "' is too large for a strategy");
            }
            bytes_.append(bytes);
            return {};
        }
        Bytes take() { return std::move(bytes_); }

    private:
        Status moved() const {
            return Status(Code::conflict, "'" + display_key(key_) + "' changed while it was read");
        }
        BytesView key_;
        const Item& item_;
        Bytes bytes_;
    };
    Result<Bytes> fetch(const CallContext& call) override {
        GetRequest request;
        request.key = key_;
        Sink sink(key_, item_);
        SYNCLINE_TRY(side_.get(call, request, sink));
        return sink.take();
    }

    ItemReader& side_;
    BytesView key_;
    const Item& item_;
};

// The content that both sides agreed on, from the archive.
class BaseContent final : public FetchedContent {
public:
    BaseContent(ArchiveStore& archive, Bytes digest, std::uint64_t size)
        : FetchedContent(size), archive_(archive), digest_(std::move(digest)) {}

private:
    Result<Bytes> fetch(const CallContext& call) override {
        return read_archived(archive_, digest_, call.stop);
    }

    ArchiveStore& archive_;
    Bytes digest_;
};

} // namespace syncline
