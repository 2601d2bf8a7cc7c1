// A page of a listing and the bounded queue that carries pages from the lister's thread to the
// reader. Pages are reused, so a listing allocates only while its first pages grow.
#pragma once

#include "syncline/core/item.hpp"
#include "syncline/core/status.hpp"

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace syncline {

class Page {
public:
    void clear() {
        items_.clear();
        arena_.clear();
    }
    // Copies the items. The arena may move while the page grows, so the views are right only after
    // seal().
    void append(std::span<const ItemView> items);
    void seal();
    const std::vector<ItemView>& items() const { return items_; }
    std::size_t size() const { return items_.size(); }

private:
    std::vector<ItemView> items_;
    Bytes arena_; // the bytes of all items, in the order of their fields
};

class PageQueue {
public:
    explicit PageQueue(std::size_t limit) : limit_(limit) {}

    // Lister: an empty page to fill.
    std::unique_ptr<Page> take_free();
    // Lister: false when the reader has gone away.
    bool push(std::unique_ptr<Page> page);
    void finish(Status status);

    // Reader: the next page; none at the end, then status() says how it ended. Takes back the page
    // read before.
    std::unique_ptr<Page> pop(std::unique_ptr<Page> used);
    const Status& status() const { return status_; }
    void abandon();

private:
    const std::size_t limit_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::unique_ptr<Page>> full_;
    std::vector<std::unique_ptr<Page>> free_;
    bool finished_ = false;
    bool abandoned_ = false;
    Status status_;
};

} // namespace syncline
