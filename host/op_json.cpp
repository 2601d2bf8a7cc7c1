#include "op_json.hpp"

#include "syncline/core/text.hpp"

namespace syncline::host {

nlohmann::ordered_json op_json(const PlannedOp& op) {
    nlohmann::ordered_json json;
    json["action"] = name_of(op.action);
    if (op.action != Action::conflict) {
        json["side"] =
            op.action == Action::merge && !op.differs ? std::string_view("both") : name_of(op.side);
    }
    if (is_utf8(op.key)) {
        json["key"] = op.key;
    } else {
        json["key_b64"] = base64(op.key);
    }
    if (!op.other_key.empty()) {
        const bool is_text = is_utf8(op.other_key);
        const bool is_rename = op.action == Action::rename;
        json[is_rename ? (is_text ? "from" : "from_b64")
                       : (is_text ? "conflict_copy" : "conflict_copy_b64")] =
            is_text ? op.other_key : base64(op.other_key);
    }
    if (op.conflict != ConflictKind::none) {
        json["conflict"] = name_of(op.conflict);
    }
    json["reason"] = op.reason;
    return json;
}

} // namespace syncline::host
