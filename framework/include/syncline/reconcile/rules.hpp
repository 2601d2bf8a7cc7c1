// What a sync is told to do: mode, policies, guards, and which keys take part.
#pragma once

#include "syncline/core/bytes.hpp"
#include "syncline/core/status.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncline {

enum class Mode : std::uint8_t { two_way = 1, one_way = 2, mirror = 3 };
enum class DeleteVsChange : std::uint8_t { keep_change = 1, conflict = 2, delete_wins = 3 };
enum class DeletedContainer : std::uint8_t { restore_all = 1, restore_changed = 2, conflict = 3 };

std::string_view name_of(Mode mode);

// Include and exclude globs; the last that matches a key decides, and nothing matching means
// included. `*` and `?` stay within a path segment, `**` crosses them, `[...]` is a class. A glob
// that begins with `/` is anchored at the root, any other matches at every depth; one that matches
// a container covers all below it.
class KeyFilter {
public:
    static Result<KeyFilter>
    make(const std::vector<std::pair<bool, std::string>>& include_and_glob);
    bool empty() const { return rules_.empty(); }
    bool excluded(BytesView key) const;

private:
    struct Rule {
        bool include;
        std::string glob; // without leading and trailing '/'
        bool anchored;
        bool containers_only;
    };
    bool excluded_itself(BytesView key, bool container) const;
    std::vector<Rule> rules_;
};

struct MaxDelete {
    bool percent = true;
    std::uint64_t value = 50;
    std::uint64_t at_least = 5; // fewer deletions than this never trip the guard
};

struct Force {
    bool deletions = false;
    bool emptied = false;
    bool identity = false;
};

struct Rules {
    Mode mode = Mode::two_way;
    DeleteVsChange delete_vs_change = DeleteVsChange::keep_change;
    DeletedContainer deleted_container = DeletedContainer::restore_all;
    MaxDelete max_delete;
    Force force;
    KeyFilter filter;
};

} // namespace syncline
