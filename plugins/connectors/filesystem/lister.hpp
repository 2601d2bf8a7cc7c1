// The recursive listing, in key order and in constant memory per level.
//
// One pass: read the names of a directory, sort them with directories taken as "name/" (which makes
// the whole tree come out in key order), look at each, descend. Names of all open levels lie in one
// stack-like arena, so memory is bounded by the widest directories on one path; no allocation per
// item, no recursion, and at most kMaxOpen descriptors at any depth.
#pragma once

#include "root.hpp"
#include "version.hpp"

#include <string>
#include <vector>

namespace syncline::fs {

struct ListRequest {
    std::string_view prefix;
    std::string_view after; // cursor or start_after; the first key is greater
    std::uint32_t max_items = UINT32_MAX;
};

class Lister {
public:
    static constexpr std::size_t kPageItems = 256;
    static constexpr std::size_t kMaxOpen = 64;

    Lister(const Root& root, const syncline_call* call, const syncline_item_sink& sink);

    // A negative status of the sink is returned as it is, without a text: the host knows why.
    Status run(const ListRequest& request);

private:
    enum class Hint : std::uint8_t { file, directory, link, other, unknown };

    struct Entry {
        std::uint64_t
            head; // first bytes of the sort key, big-endian, so that most comparisons are one
        std::uint32_t name; // offset in names_, NUL-terminated
        std::uint16_t length;
        Hint hint;
    };

    struct Level {
        Fd fd; // closed while more than kMaxOpen levels are open below
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        std::size_t key_length = 0; // of the directory's own key
        std::size_t first_entry = 0;
        std::size_t next_entry = 0;
        std::size_t first_name = 0;
    };

    Status enter_start(std::string_view prefix, bool& found);
    int read_names(int fd, bool& cancelled);
    void add_entry(std::string_view name, unsigned char type, int fd);
    void push_entry(std::string_view name, Hint hint);
    void sort_entries(std::size_t first);
    Status walk();
    Status visit(Level& level, const Entry& entry);
    Status visit_directory(Level& level, const Entry& entry, std::size_t key_length);
    bool reopen(Level& level);
    void pop_level();
    void close_far_levels();

    [[nodiscard]] bool wants(std::string_view key) const;
    [[nodiscard]] bool wants_below(std::string_view container) const;
    Status emit(const FileState& state, std::string_view key, std::uint64_t flags);
    Status emit_unknown(const Entry& entry, const char* why, std::uint64_t flags = 0);
    Status emit_raw(std::string_view key, std::uint32_t kind, std::uint64_t flags);
    Status room_for(std::size_t key_bytes);
    Status flush();
    std::string_view set_key(const Level& level, const Entry& entry);
    [[nodiscard]] const char* name_of(const Entry& entry) const {
        return names_.data() + entry.name;
    }

    const Root& root_;
    const syncline_call* call_;
    const syncline_item_sink& sink_;
    std::int64_t settled_before_ns_ = 0;

    ListRequest request_;
    std::string name_prefix_; // what names in the start directory must begin with
    std::size_t start_key_length_ = 0;

    std::vector<char> names_;
    std::vector<Entry> entries_;
    std::vector<Level> levels_;
    std::string key_;
    std::vector<char> directory_buffer_;

    // The page being filled.
    std::vector<syncline_item> items_;
    std::vector<Token> tokens_;
    std::vector<Identity> ids_;
    std::vector<char> key_arena_;
    std::size_t count_ = 0;
    std::size_t keys_used_ = 0;
    std::uint64_t emitted_ = 0;
    std::string last_key_;
    bool stopped_ = false;   // the sink wants no more
    bool truncated_ = false; // and there is, or may be, more
};

} // namespace syncline::fs
