// A body that is passed on no faster than a limit allows.
#pragma once

#include "syncline/plugin/connector.hpp"
#include "syncline/resilience/rate_limiter.hpp"

#include <algorithm>

namespace syncline {

class ThrottledSink final : public BodySink {
public:
    ThrottledSink(BodySink& sink, RateLimiter& bandwidth, const CallContext& call)
        : sink_(sink), bandwidth_(bandwidth), call_(call) {}

    Status begin(const ItemView& item) override { return sink_.begin(item); }
    Status write(BytesView bytes) override {
        const auto most = static_cast<std::size_t>(std::max<std::int64_t>(bandwidth_.burst(), 1));
        while (!bytes.empty()) {
            const BytesView piece = bytes.substr(0, most);
            SYNCLINE_TRY(bandwidth_.wait(static_cast<std::int64_t>(piece.size()), call_).status);
            SYNCLINE_TRY(sink_.write(piece));
            bytes.remove_prefix(piece.size());
        }
        return {};
    }

private:
    BodySink& sink_;
    RateLimiter& bandwidth_;
    const CallContext& call_;
};

} // namespace syncline
