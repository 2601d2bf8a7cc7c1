// Work to be done once: anything that can be called without arguments, and optionally a completion
// that is told how it went. Small callables (up to 48 bytes) are kept inside, so that handing one
// to a pool allocates nothing.
//
// A callable returns void, or a Status that says how it went. What it throws becomes a failed
// Status. The completion is called exactly once for every task that was accepted: after the task,
// or, if the task will never run, with Code::cancelled.
//
// Threads: one at a time.
#pragma once

#include "syncline/core/status.hpp"

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace syncline {

namespace pool_detail {

Status status_of_current_exception() noexcept;
void log_throwing_completion() noexcept;

template <typename F>
Status call(F& work) noexcept {
    try {
        if constexpr (std::is_same_v<std::invoke_result_t<F&>, Status>) {
            return work();
        } else {
            static_assert(std::is_void_v<std::invoke_result_t<F&>>,
                          "a task returns nothing or a Status");
            work();
            return {};
        }
    } catch (...) {
        return status_of_current_exception();
    }
}

template <typename F>
struct Plain {
    static constexpr bool reports = false;
    F work;
    Status run() noexcept { return call(work); }
    void drop(const Status&) noexcept {}
};

template <typename F, typename D>
struct Reporting {
    static constexpr bool reports = true;
    F work;
    D done;
    Status run() noexcept {
        Status status = call(work);
        drop(status);
        return status;
    }
    void drop(const Status& status) noexcept {
        try {
            done(status);
        } catch (...) {
            log_throwing_completion();
        }
    }
};

} // namespace pool_detail

class Task {
public:
    static constexpr std::size_t kInlineBytes = 48;

    Task() = default;
    // NOLINTBEGIN(google-explicit-constructor,bugprone-forwarding-reference-overload)
    template <typename F>
    requires(!std::is_same_v<std::decay_t<F>, Task> && std::is_invocable_v<std::decay_t<F>&>)
        Task(F&& work) {
        emplace(pool_detail::Plain<std::decay_t<F>>{std::forward<F>(work)});
    }
    // NOLINTEND(google-explicit-constructor,bugprone-forwarding-reference-overload)
    template <typename F, typename D>
    requires(std::is_invocable_v<std::decay_t<F>&>&&
                 std::is_invocable_v<std::decay_t<D>&, const Status&>) Task(F&& work, D&& done) {
        emplace(pool_detail::Reporting<std::decay_t<F>, std::decay_t<D>>{std::forward<F>(work),
                                                                         std::forward<D>(done)});
    }
    Task(Task&& other) noexcept { take(other); }
    Task& operator=(Task&& other) noexcept {
        if (this != &other) {
            reset();
            take(other);
        }
        return *this;
    }
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    ~Task() { reset(); }

    explicit operator bool() const { return ops_ != nullptr; }
    // Requires a task. Once; the task is empty afterwards, and what it owned is gone.
    Status run() noexcept {
        const Ops& ops = *std::exchange(ops_, nullptr);
        return ops.run(buffer_);
    }
    // Requires a task. Instead of running it: tells the completion why it will not run.
    void drop(const Status& reason) noexcept {
        const Ops& ops = *std::exchange(ops_, nullptr);
        ops.drop(buffer_, reason);
    }
    // Whether somebody is told how it went.
    bool reports() const { return ops_ != nullptr && ops_->reports; }

private:
    struct Ops {
        Status (*run)(void*) noexcept; // each of the three leaves the buffer without an object
        void (*drop)(void*, const Status&) noexcept;
        void (*destroy)(void*) noexcept;
        void (*move)(void* from, void* to) noexcept; // null: copying the bytes moves it
        bool reports;
    };

    template <typename W>
    static constexpr bool
        fits = sizeof(W) <= kInlineBytes &&
               alignof(W) <= alignof(void*) && std::is_nothrow_move_constructible_v<W>;

    template <typename W>
    struct Inline {
        static W& at(void* buffer) { return *std::launder(reinterpret_cast<W*>(buffer)); }
        static Status run(void* buffer) noexcept {
            W& work = at(buffer);
            Status status = work.run();
            work.~W();
            return status;
        }
        static void drop(void* buffer, const Status& reason) noexcept {
            W& work = at(buffer);
            work.drop(reason);
            work.~W();
        }
        static void destroy(void* buffer) noexcept { at(buffer).~W(); }
        static void move(void* from, void* to) noexcept {
            ::new (to) W(std::move(at(from)));
            at(from).~W();
        }
        static constexpr Ops ops{run, drop, destroy,
                                 std::is_trivially_copyable_v<W> ? nullptr : &move, W::reports};
    };

    template <typename W>
    struct OnHeap {
        static W* at(void* buffer) {
            W* work = nullptr;
            std::memcpy(&work, buffer, sizeof work);
            return work;
        }
        static Status run(void* buffer) noexcept {
            const std::unique_ptr<W> work(at(buffer));
            return work->run();
        }
        static void drop(void* buffer, const Status& reason) noexcept {
            const std::unique_ptr<W> work(at(buffer));
            work->drop(reason);
        }
        static void destroy(void* buffer) noexcept { delete at(buffer); }
        static constexpr Ops ops{run, drop, destroy, nullptr, W::reports};
    };

    template <typename W>
    void emplace(W work) {
        if constexpr (fits<W>) {
            ::new (static_cast<void*>(buffer_)) W(std::move(work));
            ops_ = &Inline<W>::ops;
        } else {
            W* const owned = new W(std::move(work));
            std::memcpy(buffer_, &owned, sizeof owned);
            ops_ = &OnHeap<W>::ops;
        }
    }
    void take(Task& other) noexcept {
        ops_ = std::exchange(other.ops_, nullptr);
        if (ops_ == nullptr) {
            return;
        }
        if (ops_->move == nullptr) {
            std::memcpy(buffer_, other.buffer_, kInlineBytes);
        } else {
            ops_->move(other.buffer_, buffer_);
        }
    }
    void reset() noexcept {
        if (ops_ != nullptr) {
            std::exchange(ops_, nullptr)->destroy(buffer_);
        }
    }

    const Ops* ops_ = nullptr;
    alignas(void*) std::byte buffer_[kInlineBytes];
};

} // namespace syncline
