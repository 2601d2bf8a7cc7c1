#include "endpoint/page_queue.hpp"

#include <utility>

namespace syncline {

void Page::append(std::span<const ItemView> items) {
    for (const ItemView& item : items) {
        for (const BytesView bytes : {item.key, item.version, item.hash, item.meta, item.id}) {
            arena_.append(bytes);
        }
        items_.push_back(item);
    }
}

void Page::seal() {
    const char* at = arena_.data();
    for (ItemView& item : items_) {
        for (BytesView* bytes : {&item.key, &item.version, &item.hash, &item.meta, &item.id}) {
            *bytes = BytesView(at, bytes->size());
            at += bytes->size();
        }
    }
}

std::unique_ptr<Page> PageQueue::take_free() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) {
        return std::make_unique<Page>();
    }
    std::unique_ptr<Page> page = std::move(free_.back());
    free_.pop_back();
    page->clear();
    return page;
}

bool PageQueue::push(std::unique_ptr<Page> page) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return abandoned_ || full_.size() < limit_; });
    if (abandoned_) {
        return false;
    }
    full_.push_back(std::move(page));
    lock.unlock();
    changed_.notify_all();
    return true;
}

void PageQueue::finish(Status status) {
    {
        const std::lock_guard lock(mutex_);
        finished_ = true;
        status_ = std::move(status);
    }
    changed_.notify_all();
}

std::unique_ptr<Page> PageQueue::pop(std::unique_ptr<Page> used) {
    std::unique_lock lock(mutex_);
    if (used != nullptr) {
        free_.push_back(std::move(used));
    }
    changed_.wait(lock, [this] { return finished_ || !full_.empty(); });
    if (full_.empty()) {
        return nullptr;
    }
    std::unique_ptr<Page> page = std::move(full_.front());
    full_.erase(full_.begin());
    lock.unlock();
    changed_.notify_all();
    return page;
}

void PageQueue::abandon() {
    {
        const std::lock_guard lock(mutex_);
        abandoned_ = true;
    }
    changed_.notify_all();
}

} // namespace syncline
