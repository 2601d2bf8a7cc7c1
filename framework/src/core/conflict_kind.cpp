#include "syncline/core/conflict_kind.hpp"

namespace syncline {

std::string_view name_of(ConflictKind kind) {
    switch (kind) {
    case ConflictKind::none:
        return "none";
    case ConflictKind::both_changed:
        return "both changed";
    case ConflictKind::source_changed_target_deleted:
        return "source changed, target deleted";
    case ConflictKind::source_deleted_target_changed:
        return "source deleted, target changed";
    case ConflictKind::both_created:
        return "both created";
    case ConflictKind::kind_differs:
        return "kind differs";
    case ConflictKind::key_collision:
        return "key collision";
    case ConflictKind::rename_rename:
        return "renamed on both sides";
    }
    return "unknown";
}

} // namespace syncline
