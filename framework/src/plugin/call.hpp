// One call into a plugin: the syncline_call it receives, and what it says through it.
//
// Lives on the stack of the calling thread. Success costs no allocation and no lock; a report is
// made when the plugin first says something. Threads: the plugin's threads may use abi() until the
// object dies.
#pragma once

#include "plugin/status_of.hpp"
#include "syncline/core/call.hpp"
#include "syncline/core/clock.hpp"
#include "syncline/core/status.hpp"

#include <syncline/abi/call.h>

#include <cstdint>
#include <memory>
#include <mutex>

namespace syncline::plugin {

// What this thread is to the host while the object lives; restores what it was before.
class ThreadRole {
public:
    explicit ThreadRole(std::uint32_t role) noexcept : before_(current_) { current_ |= role; }
    ~ThreadRole() { current_ = before_; }
    ThreadRole(const ThreadRole&) = delete;
    ThreadRole& operator=(const ThreadRole&) = delete;

    static std::uint32_t current() noexcept { return current_; }

private:
    static inline thread_local std::uint32_t current_ = 0;
    std::uint32_t before_;
};

// In debug builds, tells a plugin's use of an object whose call has returned, as far as the memory
// still shows it.
class LiveMark {
public:
#ifndef NDEBUG
    ~LiveMark() { mark_ = 0; }
    bool alive() const { return mark_ == kAlive; }

private:
    static constexpr std::uint32_t kAlive = 0x51ce11e5;
    volatile std::uint32_t mark_ = kAlive;
#else
    static constexpr bool alive() { return true; }
#endif
};

class Call {
public:
    Call(const CallContext& context, const Clock& clock) noexcept;
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    const syncline_call* abi() const { return &abi_; }
    const CallContext& context() const { return context_; }

    // What the plugin's answer means, with everything it said. Once, after the function returned.
    Status finish(syncline_status status, const Origin& origin);

private:
    struct Api;

    bool deadline_passed() const;

    syncline_call abi_;
    const CallContext& context_;
    const Clock& clock_;
    ThreadRole role_;
    std::mutex mutex_;
    std::unique_ptr<CallReport> report_;
    [[no_unique_address]] LiveMark live_;
};

} // namespace syncline::plugin
