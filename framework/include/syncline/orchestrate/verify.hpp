// Compares the contents of both sides with each other and with what the last run agreed on, byte by
// byte, and changes nothing. Unlike a plan it believes no version: so it finds what went wrong
// without anybody touching it.
//
// Memory does not depend on the number of items or their size.
//
// Threads: runs in its caller's thread, contents are read on the pool.
#pragma once

#include "syncline/orchestrate/going_back.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace syncline {

enum class DifferenceKind : std::uint8_t {
    only_source = 1,
    only_target = 2,
    kind = 3,     // a file here, a link there
    content = 4,  // the sides differ
    metadata = 5, // equal contents, other metadata (the executable bit)
    base = 6,     // the sides are equal, but not what the last run agreed on
    unread = 7,   // could not be compared
};
std::string_view name_of(DifferenceKind kind);

struct Difference {
    Bytes key;
    DifferenceKind kind = DifferenceKind::content;
    std::string message; // for people: what is known of it
};

struct VerifySpec {
    SyncPlace place;
    Rules rules; // the filter; in one-way mode the target may have more than the source
    std::size_t workers = 2;
    GuardOptions guard;
};

struct VerifyReport {
    Status error; // it ended before it had compared everything
    std::string source;
    std::string target;
    bool has_run = false;    // a run of a sync of these two, in this order, is known
    bool has_base = false;   // a run agreed on something before
    std::uint64_t items = 0; // rows: on one side or both
    std::uint64_t bytes = 0; // read, of both sides
    std::uint64_t differences = 0;
    std::uint64_t unread = 0;
    std::int64_t duration_ms = 0;
};

// `show` sees every difference by ascending key.
VerifyReport verify_sync(const RunServices& services, const VerifySpec& spec,
                         const std::function<void(const Difference&)>& show,
                         const std::stop_token& stop);

} // namespace syncline
