// Bodies and sinks in memory, for tests that call a connector themselves.
#pragma once

#include "syncline/plugin/connector.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace syncline::fakes {

// A body from memory, for put. `short_reads`: at most that many bytes at a time.
class FakeBody : public BodyReader {
public:
    explicit FakeBody(BytesView bytes, std::size_t short_reads = SIZE_MAX, bool sized = true)
        : bytes_(bytes), short_reads_(short_reads), sized_(sized) {}
    std::uint64_t size() const override { return sized_ ? bytes_.size() : kUnknownSize; }
    Result<std::size_t> read(char* buffer, std::size_t capacity) override {
        const std::size_t count = std::min({capacity, short_reads_, bytes_.size() - at_});
        std::copy_n(bytes_.data() + at_, count, buffer);
        at_ += count;
        return count;
    }
    bool rewindable() const override { return true; }
    Status rewind() override {
        at_ = 0;
        return {};
    }

private:
    const Bytes bytes_;
    const std::size_t short_reads_;
    const bool sized_;
    std::size_t at_ = 0;
};

// Keeps what a get delivers.
class FakeBodySink : public BodySink {
public:
    Status begin(const ItemView& item) override {
        item_ = to_item(item);
        ++begins_;
        return {};
    }
    Status write(BytesView bytes) override {
        bytes_.append(bytes);
        return {};
    }
    const std::optional<Item>& item() const { return item_; }
    const Bytes& bytes() const { return bytes_; }
    int begins() const { return begins_; }

private:
    std::optional<Item> item_;
    Bytes bytes_;
    int begins_ = 0;
};

// Keeps what a listing delivers; asks to stop after `limit` items.
class FakeItemSink : public ItemSink {
public:
    explicit FakeItemSink(std::size_t limit = SIZE_MAX) : limit_(limit) {}
    Result<Flow> items(std::span<const ItemView> items) override {
        for (const ItemView& item : items) {
            items_.push_back(to_item(item));
        }
        return items_.size() >= limit_ ? Flow::stop : Flow::more;
    }
    const std::vector<Item>& items() const { return items_; }

private:
    std::size_t limit_;
    std::vector<Item> items_;
};

} // namespace syncline::fakes
