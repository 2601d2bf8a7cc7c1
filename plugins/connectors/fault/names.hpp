// Operations and status codes by the names people write.
#pragma once

#include <syncline/abi/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace syncline::fault {

enum class Op : std::uint8_t {
    kInfo,
    kCheck,
    kList,
    kStat,
    kGet,
    kOpenBody,
    kPut,
    kPutFd,
    kRemove,
    kRename,
    kSetMeta,
    kFlush,
};
inline constexpr std::size_t kOpCount = 12;

// A set of operations, one bit each.
using Ops = std::uint32_t;
constexpr Ops bit(Op op) { return Ops{1} << static_cast<unsigned>(op); }
inline constexpr Ops kAllOps = (Ops{1} << kOpCount) - 1;
inline constexpr Ops kReads = bit(Op::kGet) | bit(Op::kOpenBody);
inline constexpr Ops kPuts = bit(Op::kPut) | bit(Op::kPutFd);
inline constexpr Ops kWrites = kPuts | bit(Op::kRemove) | bit(Op::kRename) | bit(Op::kSetMeta);
// What carries a body or a listing through us, so that it can be cut.
inline constexpr Ops kStreams = bit(Op::kList) | bit(Op::kGet) | bit(Op::kPut);

std::string_view name_of(Op op);
// "get" and "put" mean every way of reading and writing content. Upper or lower case, - or _.
std::optional<Ops> ops_named(std::string_view name);
std::string op_names(); // for messages

// "UNAVAILABLE"; vendors' codes are numbers.
std::string name_of(syncline_status status);
// Every error of the ABI, those of hosts and vendors too. Upper or lower case, - or _.
std::optional<syncline_status> status_named(std::string_view name);
std::string status_names(); // for messages

} // namespace syncline::fault
