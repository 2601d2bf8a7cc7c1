#include "names.hpp"

#include <utility>

namespace syncline::fault {

namespace {

constexpr std::pair<std::string_view, Op> kOps[] = {
    {"info", Op::kInfo},     {"check", Op::kCheck},      {"list", Op::kList},
    {"stat", Op::kStat},     {"get", Op::kGet},          {"open_body", Op::kOpenBody},
    {"put", Op::kPut},       {"put_fd", Op::kPutFd},     {"remove", Op::kRemove},
    {"rename", Op::kRename}, {"set_meta", Op::kSetMeta}, {"flush", Op::kFlush},
};
static_assert(std::size(kOps) == kOpCount);

constexpr std::pair<std::string_view, syncline_status> kStatuses[] = {
    {"UNKNOWN", SYNCLINE_E_UNKNOWN},
    {"INVALID_ARGUMENT", SYNCLINE_E_INVALID_ARGUMENT},
    {"INVALID_STATE", SYNCLINE_E_INVALID_STATE},
    {"NOT_SUPPORTED", SYNCLINE_E_NOT_SUPPORTED},
    {"INVALID_CONFIG", SYNCLINE_E_INVALID_CONFIG},
    {"UNAUTHENTICATED", SYNCLINE_E_UNAUTHENTICATED},
    {"PERMISSION_DENIED", SYNCLINE_E_PERMISSION_DENIED},
    {"NOT_FOUND", SYNCLINE_E_NOT_FOUND},
    {"ALREADY_EXISTS", SYNCLINE_E_ALREADY_EXISTS},
    {"CONFLICT", SYNCLINE_E_CONFLICT},
    {"CURSOR_EXPIRED", SYNCLINE_E_CURSOR_EXPIRED},
    {"KEY_INVALID", SYNCLINE_E_KEY_INVALID},
    {"TOO_LARGE", SYNCLINE_E_TOO_LARGE},
    {"QUOTA_EXCEEDED", SYNCLINE_E_QUOTA_EXCEEDED},
    {"RATE_LIMITED", SYNCLINE_E_RATE_LIMITED},
    {"UNAVAILABLE", SYNCLINE_E_UNAVAILABLE},
    {"TIMEOUT", SYNCLINE_E_TIMEOUT},
    {"CANCELLED", SYNCLINE_E_CANCELLED},
    {"INTEGRITY", SYNCLINE_E_INTEGRITY},
    {"IO", SYNCLINE_E_IO},
    {"OUT_OF_MEMORY", SYNCLINE_E_OUT_OF_MEMORY},
    {"INTERNAL", SYNCLINE_E_INTERNAL},
    {"ABI_MISMATCH", SYNCLINE_E_ABI_MISMATCH},
    {"ABORTED", SYNCLINE_E_ABORTED},
    {"READ_ONLY", SYNCLINE_E_READ_ONLY},
    {"OUTCOME_UNKNOWN", SYNCLINE_E_OUTCOME_UNKNOWN},
    {"LOCKED", SYNCLINE_E_LOCKED},
    {"PLUGIN_DIED", SYNCLINE_E_PLUGIN_DIED},
    {"PLUGIN_HUNG", SYNCLINE_E_PLUGIN_HUNG},
    {"BLOCKED_BY_POLICY", SYNCLINE_E_BLOCKED_BY_POLICY},
    {"VENDOR", SYNCLINE_E_VENDOR},
};

bool same(std::string_view written, std::string_view name) {
    const auto plain = [](char c) {
        return c == '-' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    if (written.size() != name.size()) {
        return false;
    }
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (plain(written[i]) != plain(name[i])) {
            return false;
        }
    }
    return true;
}

template <class Table>
std::string join(const Table& table) {
    std::string all;
    for (const auto& entry : table) {
        all.append(all.empty() ? "" : ", ").append(entry.first);
    }
    return all;
}

} // namespace

std::string_view name_of(Op op) { return kOps[static_cast<std::size_t>(op)].first; }

std::optional<Ops> ops_named(std::string_view name) {
    for (const auto& [known, op] : kOps) {
        if (same(name, known)) {
            return op == Op::kGet ? kReads : op == Op::kPut ? kPuts : bit(op);
        }
    }
    return std::nullopt;
}

std::string op_names() { return join(kOps); }

std::string name_of(syncline_status status) {
    for (const auto& [name, known] : kStatuses) {
        if (known == status) {
            return std::string(name);
        }
    }
    return std::to_string(status);
}

std::optional<syncline_status> status_named(std::string_view name) {
    for (const auto& [known, status] : kStatuses) {
        if (same(name, known)) {
            return status;
        }
    }
    return std::nullopt;
}

std::string status_names() { return join(kStatuses); }

} // namespace syncline::fault
