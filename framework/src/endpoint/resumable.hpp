// Bodies that survive a call which breaks off half way: what was passed on is not passed on again.
#pragma once

#include "syncline/core/text.hpp"
#include "syncline/plugin/connector.hpp"

#include <algorithm>
#include <string>

namespace syncline {

// A body being read. After an attempt that broke off, the next one continues at the byte where it
// ended, and only if it is still the same version.
class ResumableSink final : public BodySink {
public:
    ResumableSink(BodySink& sink, const ConnectorInfo& info, const GetRequest& request)
        : sink_(sink), info_(info), request_(request) {}

    Status begin(const ItemView& item) override {
        if (!has_begun_) {
            has_begun_ = true;
            version_ = item.version;
            return passed(sink_.begin(item));
        }
        if (version_.empty() || item.version != version_) {
            return Status(Code::conflict,
                          "'" + display_key(request_.key) + "' changed while it was read");
        }
        return {};
    }
    Status write(BytesView bytes) override {
        delivered_ += bytes.size();
        return passed(sink_.write(bytes));
    }

    // The request of the next attempt.
    GetRequest request() const {
        GetRequest rest = request_;
        rest.offset += delivered_;
        if (rest.length != UINT64_MAX) {
            rest.length -= std::min(rest.length, delivered_);
        }
        if (has_begun_ && info_.get_if_version) {
            rest.if_version = version_;
        }
        return rest;
    }
    bool can_repeat(const Status& after) const {
        if (after.code() == Code::integrity && delivered_ > 0) {
            return false; // the bytes that were passed on may be the bad ones
        }
        return !refused_ &&
               (!has_begun_ || (!version_.empty() && (delivered_ == 0 || info_.get_range)));
    }
    bool is_foreign() const { return refused_; }
    std::uint64_t progress() const { return delivered_; } // bytes

private:
    Status passed(Status status) {
        refused_ = refused_ || !status.ok(); // the reader of the body wants no more of it
        return status;
    }

    BodySink& sink_;
    const ConnectorInfo& info_;
    const GetRequest& request_;
    bool has_begun_ = false;
    bool refused_ = false;
    Bytes version_;
    std::uint64_t delivered_ = 0;
};

// A body being written. The next attempt reads it from its beginning, and so gets no further than
// the one before. A body that cannot be read says nothing about the place it was for.
class RepeatableBody final : public BodyReader {
public:
    explicit RepeatableBody(BodyReader& body) : body_(body) {}

    std::uint64_t size() const override { return body_.size(); }
    Result<std::size_t> read(char* buffer, std::size_t capacity) override {
        is_touched_ = true;
        Result<std::size_t> got = body_.read(buffer, capacity);
        is_broken_ = is_broken_ || !got.ok();
        return got;
    }
    bool rewindable() const override { return body_.rewindable(); }
    Status rewind() override { return body_.rewind(); }

    bool can_repeat(const Status&) {
        if (is_touched_) {
            is_touched_ = is_broken_ || !body_.rewindable() || !body_.rewind().ok();
        }
        return !is_touched_;
    }
    bool is_foreign() const { return is_broken_; }
    static std::uint64_t progress() { return 0; }

private:
    BodyReader& body_;
    bool is_touched_ = false;
    bool is_broken_ = false;
};

} // namespace syncline
