#include "version.hpp"

#include "attributes.hpp"

#include <algorithm>
#include <cstring>

namespace syncline::fs {

namespace {

constexpr std::uint8_t kOne[] = {'1'};
constexpr std::uint32_t kOwnerExecute = 0100;

const syncline_kv kExecutable = {{SYNCLINE_META_EXECUTABLE, sizeof SYNCLINE_META_EXECUTABLE - 1},
                                 {kOne, 1}};

// The metadata of items whose access is not the usual one: for each of the 16 there are, that and
// the mark of executables, which those that are none leave out.
struct AccessMeta {
    AccessMeta() {
        for (std::uint8_t i = 0; i < 16; ++i) {
            digits[i] = {static_cast<std::uint8_t>('0' + (i >> 2U) * 2),
                         static_cast<std::uint8_t>('0' + (i & 3U) * 2)};
            entries[i] = {syncline_kv{{SYNCLINE_META_ACCESS, sizeof SYNCLINE_META_ACCESS - 1},
                                      {digits[i].data(), digits[i].size()}},
                          kExecutable};
        }
    }
    std::array<std::array<std::uint8_t, 2>, 16> digits{};
    std::array<std::array<syncline_kv, 2>, 16> entries{};
};

syncline_kvs meta_of(std::uint32_t mode, bool is_executable) {
    if ((mode & kAccessBits) == kUsualAccess) {
        return {is_executable ? &kExecutable : nullptr, is_executable ? 1U : 0U};
    }
    static const AccessMeta table;
    const std::uint32_t index = (mode >> 4U & 3U) << 2U | (mode >> 1U & 3U);
    return {table.entries[index].data(), is_executable ? 2U : 1U};
}

template <typename T>
void store(std::uint8_t* at, T value) {
    std::memcpy(at, &value, sizeof value); // the ABI is little-endian only
}

std::uint32_t kind_of(FileType type) {
    switch (type) {
    case FileType::file:
        return SYNCLINE_KIND_OBJECT;
    case FileType::directory:
        return SYNCLINE_KIND_CONTAINER;
    case FileType::link:
        return SYNCLINE_KIND_LINK;
    case FileType::other:
        break;
    }
    return SYNCLINE_KIND_OTHER;
}

} // namespace

Token token_of(const FileState& state) {
    Token out;
    store(out.data(), state.mtime_ns);
    store(out.data() + 8, state.size);
    store(out.data() + 16, state.inode);
    store(out.data() + 24, state.ctime_ns);
    return out;
}

bool same_token(const FileState& state, std::string_view token) {
    if (state.type == FileType::directory || state.type == FileType::other) {
        return token.empty(); // these have no version
    }
    const Token now = token_of(state);
    return token.size() == now.size() && std::memcmp(now.data(), token.data(), now.size()) == 0;
}

bool same_content(const FileState& before, const FileState& now) {
    return before.inode == now.inode && before.type == now.type && before.device == now.device &&
           before.size == now.size && before.mtime_ns == now.mtime_ns;
}

void make_item(const FileState& state, std::string_view key, std::int64_t settled_before_ns,
               Token& token, Identity& id, syncline_item& item) {
    item = {};
    item.struct_size = sizeof item;
    item.key = bytes_of(key);
    item.kind = kind_of(state.type);
    if (state.has_birth && item.kind != SYNCLINE_KIND_OTHER) {
        store(id.data(), state.inode);
        store(id.data() + 8, state.birth_ns);
        item.id = {id.data(), id.size()};
        item.fields |= SYNCLINE_ITEM_ID;
    }
    item.flags = state_flags(state);
    if (item.kind == SYNCLINE_KIND_CONTAINER) {
        item.fields |= SYNCLINE_ITEM_META;
        item.meta = meta_of(state.mode, false);
    }
    if (item.kind != SYNCLINE_KIND_OBJECT && item.kind != SYNCLINE_KIND_LINK) {
        return;
    }
    token = token_of(state);
    item.version = {token.data(), token.size()};
    item.size = state.size;
    item.mtime_ns = state.mtime_ns;
    item.fields |= SYNCLINE_ITEM_SIZE | SYNCLINE_ITEM_MTIME | SYNCLINE_ITEM_VERSION;
    if (item.kind == SYNCLINE_KIND_OBJECT) {
        item.fields |= SYNCLINE_ITEM_META;
        item.meta = meta_of(state.mode, (state.mode & kOwnerExecute) != 0);
    }
    if (std::max(state.mtime_ns, state.ctime_ns) >= settled_before_ns) {
        item.flags |= SYNCLINE_ITEM_UNSETTLED;
    }
}

void ItemHolder::set_seen(const FileState& state, std::string_view key,
                          std::int64_t settled_before_ns) {
    make_item(state, key, settled_before_ns, token_, id_, item_);
}

void ItemHolder::set_written(const FileState& state, std::string_view key,
                             std::int64_t settled_before_ns) {
    make_item(state, key, settled_before_ns, token_, id_, item_);
    if (state.mtime_ns < settled_before_ns) {
        item_.flags &= ~SYNCLINE_ITEM_UNSETTLED;
    }
}

Status version_moved(syncline_status code, std::string message, std::string_view key,
                     const FileState& current) {
    Status out = Status::error(code, std::move(message)).with(SYNCLINE_DETAIL_KEY, printable(key));
    if (current.type == FileType::file || current.type == FileType::link) {
        const Token token = token_of(current);
        return std::move(out).with(SYNCLINE_DETAIL_CURRENT_VERSION,
                                   printable(view_of({token.data(), token.size()})));
    }
    return out;
}

} // namespace syncline::fs
