#include "execute/body_pipe.hpp"

#include <algorithm>

namespace syncline {

Status BodyPipe::write(BytesView bytes) {
    while (!bytes.empty()) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return abandoned_ || buffer_.size() - at_ < capacity_; });
        if (abandoned_) {
            return Status(Code::aborted, "the other side stopped taking the content");
        }
        if (at_ > 0) {
            buffer_.erase(0, at_);
            at_ = 0;
        }
        const std::size_t n = std::min(capacity_ - buffer_.size(), bytes.size());
        buffer_.append(bytes.substr(0, n));
        bytes.remove_prefix(n);
        lock.unlock();
        changed_.notify_all();
    }
    return {};
}

void BodyPipe::finish(Status status) {
    {
        const std::lock_guard lock(mutex_);
        finished_ = true;
        status_ = std::move(status);
    }
    changed_.notify_all();
}

Result<std::size_t> BodyPipe::read(char* buffer, std::size_t capacity) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return finished_ || buffer_.size() > at_; });
    if (buffer_.size() == at_) {
        return status_.ok() ? Result<std::size_t>(std::size_t{0}) : Result<std::size_t>(status_);
    }
    const std::size_t n = std::min(capacity, buffer_.size() - at_);
    buffer_.copy(buffer, n, at_);
    at_ += n;
    lock.unlock();
    changed_.notify_all();
    return n;
}

void BodyPipe::abandon() {
    {
        const std::lock_guard lock(mutex_);
        abandoned_ = true;
    }
    changed_.notify_all();
}

} // namespace syncline
