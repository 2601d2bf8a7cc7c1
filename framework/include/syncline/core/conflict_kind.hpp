// How the two sides of an item disagree. Strategies see it, plans and reports keep it.
#pragma once

#include <cstdint>
#include <string_view>

namespace syncline {

enum class ConflictKind : std::uint8_t {
    none = 0,
    both_changed = 1,
    source_changed_target_deleted = 2,
    source_deleted_target_changed = 3,
    both_created = 4,
    kind_differs = 5,
    key_collision = 6,
    rename_rename = 7,
};

std::string_view name_of(ConflictKind kind);

} // namespace syncline
