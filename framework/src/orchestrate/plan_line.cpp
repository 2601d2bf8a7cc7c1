#include "orchestrate/plan_line.hpp"

#include "syncline/core/hash.hpp"
#include "syncline/core/text.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace syncline {

namespace {

using nlohmann::json;

constexpr std::size_t kMostKeyBytes = std::size_t{64} << 10U;

std::string_view name_of(ItemKind kind) {
    switch (kind) {
    case ItemKind::object:
        return "object";
    case ItemKind::container:
        return "container";
    case ItemKind::link:
        return "link";
    case ItemKind::unsupported:
        break;
    }
    return "unsupported";
}

// For what is never text.
void put_base64(json& into, const char* name, BytesView bytes) {
    if (!bytes.empty()) {
        into[name] = base64(bytes);
    }
}

// A decimal string: many JSON tools keep numbers as doubles, which have no room for nanoseconds.
std::string decimal(std::int64_t number) { return std::to_string(number); }

json item_json(const Item& item) {
    // Names every member, so that one more does not compile until it is written and read here.
    const auto& [key, version, hash, meta, id, size, mtime_ns, hash_algo, kind, unreadable,
                 unsettled, losses] = item;
    json into;
    if (!key.empty()) {
        put_bytes(into, "key", key);
    }
    into["kind"] = name_of(kind);
    put_base64(into, "version", version);
    put_base64(into, "hash", hash);
    put_base64(into, "meta", meta);
    put_base64(into, "id", id);
    if (size != kUnknownSize) {
        into["size"] = size;
    }
    if (mtime_ns != kUnknownTime) {
        into["mtime_ns"] = decimal(mtime_ns);
    }
    if (hash_algo != HashAlgo::none) {
        into["hash_algo"] = static_cast<unsigned>(hash_algo);
    }
    if (unreadable) {
        into["unreadable"] = true;
    }
    if (unsettled) {
        into["unsettled"] = true;
    }
    if (losses != 0) {
        into["losses"] = losses;
    }
    return into;
}

// Takes the fields out of a line one by one; what is left at the end is unknown. The first thing
// that is wrong stays what is told.
class Fields {
public:
    explicit Fields(json object) : object_(std::move(object)) {
        if (!object_.is_object()) {
            fail("should be a JSON object");
        }
    }

    const Status& status() const { return status_; }

    bool has(const std::string& name) const {
        return object_.is_object() && object_.contains(name);
    }

    json take(const std::string& name) {
        if (!has(name)) {
            fail("the field '" + name + "' is missing");
            return {};
        }
        json value = std::move(object_[name]);
        object_.erase(name);
        return value;
    }

    std::string text(const std::string& name) {
        const json value = take(name);
        return value.is_string() ? value.get<std::string>() : wrong_type(name, "text");
    }

    Bytes bytes(const std::string& name) {
        const std::string encoded = name + "_b64";
        if (has(name) == has(encoded)) {
            fail("the field '" + name + "' is " + (has(name) ? "there twice" : "missing"));
            return {};
        }
        return has(name) ? text(name) : from_base64_text(encoded);
    }

    Bytes base64_bytes(const std::string& name) {
        return has(name) ? from_base64_text(name) : Bytes();
    }

    bool flag(const std::string& name) {
        if (!has(name)) {
            return false;
        }
        const json value = take(name);
        if (!value.is_boolean()) {
            wrong_type(name, "true or false");
            return false;
        }
        return value.get<bool>();
    }

    std::uint64_t number(const std::string& name, std::uint64_t most) {
        const json value = take(name);
        if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most) {
            wrong_type(name, "a number from 0 to " + std::to_string(most));
            return 0;
        }
        return value.get<std::uint64_t>();
    }

    std::int64_t nanoseconds(const std::string& name) {
        const std::string digits = text(name);
        std::int64_t value = 0;
        const char* end = digits.data() + digits.size();
        const auto [after, error] = std::from_chars(digits.data(), end, value);
        if (error != std::errc() || after != end) {
            wrong_type(name, "a whole number of nanoseconds, as text");
        }
        return value;
    }

    // The value of `choices` whose name the field gives.
    template <typename Value, std::size_t N>
    Value choice(const std::string& name, const Value (&choices)[N]) {
        const std::string given = text(name);
        const auto found = std::find_if(std::begin(choices), std::end(choices),
                                        [&](Value value) { return name_of(value) == given; });
        if (found == std::end(choices)) {
            wrong_type(name, "one of the values that plans have, which '" +
                                 display_key(BytesView(given).substr(0, 60)) + "' is not");
            return choices[0];
        }
        return *found;
    }

    void fail(std::string what) {
        if (status_.ok()) {
            status_ = Status(Code::invalid_config, std::move(what));
        }
    }

    Status finish() {
        if (status_.ok() && !object_.empty()) {
            fail("the field '" + display_key(BytesView(object_.begin().key()).substr(0, 60)) +
                 "' is not known; lines may be deleted, but not changed");
        }
        return status_;
    }

private:
    std::string wrong_type(const std::string& name, const std::string& wanted) {
        fail("the field '" + name + "' should be " + wanted);
        return {};
    }

    Bytes from_base64_text(const std::string& name) {
        std::optional<Bytes> decoded = from_base64(text(name));
        return decoded ? *std::move(decoded) : wrong_type(name, "base64");
    }

    json object_;
    Status status_;
};

constexpr ItemKind kKinds[] = {ItemKind::unsupported, ItemKind::object, ItemKind::container,
                               ItemKind::link};
constexpr Side kSides[] = {Side::source, Side::target};
constexpr Mode kModes[] = {Mode::two_way, Mode::one_way, Mode::mirror};
// Not follow: a plan for a file has no operations that belong together.
constexpr Action kActions[] = {Action::create,    Action::update, Action::remove, Action::set_meta,
                               Action::keep_both, Action::record, Action::forget, Action::conflict,
                               Action::skip,      Action::rename, Action::merge};
constexpr ConflictKind kConflicts[] = {ConflictKind::both_changed,
                                       ConflictKind::source_changed_target_deleted,
                                       ConflictKind::source_deleted_target_changed,
                                       ConflictKind::both_created,
                                       ConflictKind::kind_differs,
                                       ConflictKind::key_collision,
                                       ConflictKind::rename_rename};

Result<Item> item_of(json object) {
    Fields fields(std::move(object));
    Item item;
    if (fields.has("key") || fields.has("key_b64")) {
        item.key = fields.bytes("key");
    }
    item.kind = fields.choice("kind", kKinds);
    item.version = fields.base64_bytes("version");
    item.hash = fields.base64_bytes("hash");
    item.meta = fields.base64_bytes("meta");
    item.id = fields.base64_bytes("id");
    if (fields.has("size")) {
        item.size = fields.number("size", kUnknownSize - 1);
    }
    if (fields.has("mtime_ns")) {
        item.mtime_ns = fields.nanoseconds("mtime_ns");
    }
    if (fields.has("hash_algo")) {
        item.hash_algo = static_cast<HashAlgo>(
            fields.number("hash_algo", static_cast<std::uint64_t>(HashAlgo::xxh3_128)));
    }
    item.unreadable = fields.flag("unreadable");
    item.unsettled = fields.flag("unsettled");
    if (fields.has("losses")) {
        item.losses = static_cast<std::uint8_t>(fields.number("losses", UINT8_MAX));
    }
    SYNCLINE_TRY(fields.finish());
    return item;
}

} // namespace

bool is_confined(BytesView key) {
    if (key.empty() || key.size() > kMostKeyBytes || key.find('\0') != BytesView::npos) {
        return false;
    }
    BytesView rest = is_container_key(key) ? key.substr(0, key.size() - 1) : key;
    while (true) {
        const std::size_t slash = rest.find('/');
        const BytesView segment = rest.substr(0, slash);
        if (segment.empty() || segment == "." || segment == "..") {
            return false;
        }
        if (slash == BytesView::npos) {
            return true;
        }
        rest.remove_prefix(slash + 1);
    }
}

json header_json(const PlanHeader& header) {
    json line;
    line["id"] = header.id;
    line["created"] = display_time(header.created_wall_ns);
    line["created_wall_ns"] = decimal(header.created_wall_ns);
    put_bytes(line, "sync", header.sync_name);
    put_bytes(line, "source", header.source);
    put_bytes(line, "target", header.target);
    put_base64(line, "source_scope", header.source_scope);
    put_base64(line, "target_scope", header.target_scope);
    line["mode"] = name_of(header.mode);
    if (!header.marker.empty()) {
        put_bytes(line, "marker", header.marker);
    }
    line["first_run"] = header.first_run;
    line["listed_source"] = header.listed[0];
    line["listed_target"] = header.listed[1];
    return line;
}

Result<PlanHeader> header_of(json line) {
    Fields fields(std::move(line));
    PlanHeader header;
    header.id = fields.text("id");
    (void)fields.text("created"); // for people
    header.created_wall_ns = fields.nanoseconds("created_wall_ns");
    header.sync_name = fields.bytes("sync");
    header.source = fields.bytes("source");
    header.target = fields.bytes("target");
    header.source_scope = fields.base64_bytes("source_scope");
    header.target_scope = fields.base64_bytes("target_scope");
    header.mode = fields.choice("mode", kModes);
    if (fields.has("marker") || fields.has("marker_b64")) {
        header.marker = fields.bytes("marker");
    }
    header.first_run = fields.flag("first_run");
    header.listed[0] = fields.number("listed_source", UINT64_MAX);
    header.listed[1] = fields.number("listed_target", UINT64_MAX);
    SYNCLINE_TRY(fields.finish());
    return header;
}

json op_json(const PlannedOp& op) {
    // Names every member, so that one more does not compile until it is written and read here.
    const auto& [id, key, action, side, phase, kind, conflict, differs, unreadable, source, target,
                 base_hash, base_meta, base_source_id, base_target_id, has_base, merged, other_key,
                 via_key, reason] = op;
    (void)via_key; // of operations that belong together
    json line;
    line["n"] = id;
    put_bytes(line, "key", key);
    line["action"] = name_of(action);
    line["side"] = name_of(side);
    line["phase"] = static_cast<unsigned>(phase);
    line["kind"] = name_of(kind);
    if (conflict != ConflictKind::none) {
        line["conflict"] = name_of(conflict);
    }
    if (differs) {
        line["differs"] = true;
    }
    if (unreadable) {
        line["unreadable"] = true;
    }
    if (source) {
        line["source"] = item_json(*source);
    }
    if (target) {
        line["target"] = item_json(*target);
    }
    put_base64(line, "base_hash", base_hash);
    put_base64(line, "base_meta", base_meta);
    put_base64(line, "base_source_id", base_source_id);
    put_base64(line, "base_target_id", base_target_id);
    if (has_base) {
        line["in_base"] = true;
    }
    if (merged) {
        json& content = line["merged"];
        put_base64(content, "digest", merged->digest);
        put_base64(content, "hash", merged->hash);
        content["size"] = merged->size;
        content["mtime_ns"] = decimal(merged->mtime_ns);
    }
    if (!other_key.empty()) {
        put_bytes(line, "other_key", other_key);
    }
    put_bytes(line, "reason", reason);
    return line;
}

Result<PlannedOp> op_of(json line) {
    Fields fields(std::move(line));
    PlannedOp op;
    op.id = static_cast<std::int64_t>(fields.number("n", INT64_MAX));
    op.key = fields.bytes("key");
    op.action = fields.choice("action", kActions);
    op.side = fields.choice("side", kSides);
    op.phase = static_cast<Phase>(fields.number("phase", kPhaseCount));
    op.kind = fields.choice("kind", kKinds);
    if (fields.has("conflict")) {
        op.conflict = fields.choice("conflict", kConflicts);
    }
    op.differs = fields.flag("differs");
    op.unreadable = fields.flag("unreadable");
    for (const auto& [name, into] :
         {std::pair("source", &op.source), std::pair("target", &op.target)}) {
        if (!fields.has(name)) {
            continue;
        }
        Result<Item> item = item_of(fields.take(name));
        if (!item.ok()) {
            return item.status().with_context(name);
        }
        *into = *std::move(item);
    }
    op.base_hash = fields.base64_bytes("base_hash");
    op.base_meta = fields.base64_bytes("base_meta");
    op.base_source_id = fields.base64_bytes("base_source_id");
    op.base_target_id = fields.base64_bytes("base_target_id");
    op.has_base = fields.flag("in_base");
    if (fields.has("merged")) {
        Fields content(fields.take("merged"));
        MergedContent& merged = op.merged.emplace();
        merged.digest = content.base64_bytes("digest");
        merged.hash = content.base64_bytes("hash");
        merged.size = content.number("size", kUnknownSize - 1);
        merged.mtime_ns = content.nanoseconds("mtime_ns");
        SYNCLINE_TRY(content.finish().with_context("merged"));
    }
    if (fields.has("other_key") || fields.has("other_key_b64")) {
        op.other_key = fields.bytes("other_key");
    }
    op.reason = fields.bytes("reason");
    SYNCLINE_TRY(fields.finish());

    const auto wrong = [](std::string what) {
        return Status(Code::invalid_config, std::move(what));
    };
    const auto check_key = [&](BytesView key) {
        return is_confined(key) ? Status()
                                : wrong("the key '" + display_key(key.substr(0, 200)) +
                                        "' is none that a plan can have");
    };
    SYNCLINE_TRY(check_key(op.key));
    for (const Bytes* key : {&op.other_key, op.source ? &op.source->key : &op.other_key,
                             op.target ? &op.target->key : &op.other_key}) {
        SYNCLINE_TRY(key->empty() ? Status() : check_key(*key));
    }
    if (op.id == 0 || op.phase < Phase::clear_content) {
        return wrong("an operation without number or phase");
    }
    // What the executor takes for granted.
    const bool reads_other = op.action == Action::create || op.action == Action::update;
    const std::optional<Item>& written = op.side == Side::source ? op.source : op.target;
    const std::optional<Item>& read = op.side == Side::source ? op.target : op.source;
    const bool needs_both = op.action == Action::set_meta || op.action == Action::keep_both ||
                            op.action == Action::record || op.action == Action::rename ||
                            op.action == Action::merge;
    const bool names_another = op.action == Action::keep_both || op.action == Action::rename;
    if ((reads_other && !read) || (op.action == Action::remove && !written) ||
        (needs_both && !(op.source && op.target)) || names_another == op.other_key.empty() ||
        (op.action == Action::merge) != op.merged.has_value()) {
        return wrong("the operation does not say what it is about");
    }
    return op;
}

} // namespace syncline
