// Moves one item's body from one endpoint to another by the cheapest way both allow: through a
// buffer when it is small, inside the kernel when both keep their bodies in files, else through a
// bounded pipe.
#pragma once

#include "syncline/core/intent.hpp"
#include "syncline/endpoint/endpoint.hpp"
#include "syncline/execute/executor.hpp"

namespace syncline {

struct TransferRequest {
    Endpoint& from;
    Endpoint& to;
    BytesView from_key;
    BytesView to_key;
    const Item& planned; // the item as planned on `from`: its version must still be that
    BytesView meta;      // what to store with it
    Condition condition = Condition::if_absent;
    BytesView expected_version;
    Intent intent = {}; // of every attempt at this write
};

struct Transferred {
    Item read;    // as `from` reported it for these very bytes
    Item written; // as `to` reported it afterwards
    Bytes hash;   // XXH3-128; empty where the content was too large to learn it on the way
    std::uint64_t bytes = 0;
    bool was_there = false; // an equal content was there already, so nothing was written
};

// Code::conflict when the source moved since it was planned, or while it was read; nothing is
// visible then.
Result<Transferred> transfer(const TransferRequest& request, const ExecuteOptions& options,
                             const CallContext& call, RunProgress& progress);

// A body that is in memory.
class MemoryReader : public BodyReader {
public:
    explicit MemoryReader(BytesView body) : body_(body) {}
    std::uint64_t size() const override { return body_.size(); }
    Result<std::size_t> read(char* buffer, std::size_t capacity) override {
        const std::size_t n = std::min(capacity, body_.size() - at_);
        body_.copy(buffer, n, at_);
        at_ += n;
        return n;
    }
    bool rewindable() const override { return true; }
    Status rewind() override {
        at_ = 0;
        return {};
    }

private:
    BytesView body_;
    std::size_t at_ = 0;
};

} // namespace syncline
