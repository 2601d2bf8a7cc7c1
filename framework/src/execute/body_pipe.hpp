// Joins a connector that pushes a body (get) with one that pulls it (put), through a bounded
// buffer.
//
// Threads: one writer, one reader.
#pragma once

#include "syncline/plugin/connector.hpp"

#include <condition_variable>
#include <mutex>

namespace syncline {

class BodyPipe {
public:
    explicit BodyPipe(std::size_t capacity) : capacity_(capacity) {}

    // Writer. An error means that the reader has gone.
    Status write(BytesView bytes);
    void finish(Status status);

    // Reader. Bytes read, 0 at the end; the writer's error once its bytes are used up.
    Result<std::size_t> read(char* buffer, std::size_t capacity);
    void abandon();

private:
    const std::size_t capacity_;
    std::mutex mutex_;
    std::condition_variable changed_;
    Bytes buffer_;
    std::size_t at_ = 0;
    bool finished_ = false;
    bool abandoned_ = false;
    Status status_;
};

} // namespace syncline
