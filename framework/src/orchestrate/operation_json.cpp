#include "syncline/orchestrate/operation_json.hpp"

#include "syncline/core/text.hpp"

#include <nlohmann/json.hpp>

namespace syncline {

nlohmann::ordered_json operation_json(const PlannedOp& op) {
    nlohmann::ordered_json json;
    json["action"] = name_of(op.action);
    if (op.action != Action::conflict) {
        json["side"] =
            op.action == Action::merge && !op.differs ? std::string_view("both") : name_of(op.side);
    }
    put_bytes(json, "key", op.key);
    if (!op.other_key.empty()) {
        const bool is_move = op.action == Action::rename || op.action == Action::follow;
        put_bytes(json, is_move ? "from" : "conflict_copy", op.other_key);
    }
    if (op.conflict != ConflictKind::none) {
        json["conflict"] = name_of(op.conflict);
    }
    json["reason"] = utf8_text(op.reason);
    return json;
}

} // namespace syncline
