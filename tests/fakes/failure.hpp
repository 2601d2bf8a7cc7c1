// A failure on demand, for the fakes of stores.
#pragma once

#include "syncline/core/status.hpp"

#include <cstddef>
#include <utility>

namespace syncline::fakes {

// Makes the nth call from now fail, and optionally all after it.
class Failure {
public:
    void at_call(std::size_t nth, Status status, bool from_then_on = false) {
        remaining_ = nth;
        status_ = std::move(status);
        from_then_on_ = from_then_on;
    }
    void off() { remaining_ = 0; }
    std::size_t calls() const { return calls_; }

    Status next_call() {
        ++calls_;
        if (remaining_ == 0) {
            return {};
        }
        if (remaining_ > 1) {
            --remaining_;
            return {};
        }
        if (!from_then_on_) {
            remaining_ = 0;
        }
        return status_;
    }

private:
    std::size_t calls_ = 0;
    std::size_t remaining_ = 0;
    Status status_;
    bool from_then_on_ = false;
};

} // namespace syncline::fakes
