#include "syncline/orchestrate/inbox.hpp"

#include "orchestrate/session.hpp"
#include "reconcile/renames.hpp"
#include "syncline/state/base_content.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace syncline {

namespace {

constexpr std::size_t kLatestRuns = 50; // to look for a finished one in

SyncPlace place_of(const SyncSpec& spec) {
    return {spec.source, spec.target, spec.state_directory};
}

// What the report of a run says under a name; empty if it says nothing.
std::string reported(const RunRecord& run, const char* name) {
    const nlohmann::json json = nlohmann::json::parse(run.report, nullptr, false);
    return json.is_object() && json.contains(name) && json[name].is_string()
               ? json[name].get<std::string>()
               : std::string();
}

Mode mode_of(const RunRecord& run) {
    for (const Mode mode : {Mode::one_way, Mode::mirror}) {
        if (reported(run, "mode") == name_of(mode)) {
            return mode;
        }
    }
    return Mode::two_way;
}

// One that looked at the sync's items, or took over what an earlier one had left.
bool tells_what_is_open(const RunRecord& run) {
    const std::string command = reported(run, "command");
    return run.finished_wall_ns != 0 && command != "undo" && command != "restore";
}

class ContentSink : public BodySink {
public:
    explicit ContentSink(std::uint64_t limit) : limit_(limit) {}
    Status begin(const ItemView&) override { return {}; }
    Status write(BytesView bytes) override {
        if (bytes.size() > limit_ - bytes_.size()) {
            return Status(Code::too_large, "larger than what is shown");
        }
        bytes_.append(bytes);
        return {};
    }
    Bytes take() { return std::move(bytes_); }

private:
    std::uint64_t limit_;
    Bytes bytes_;
};

// A directory has no version, and a note that names a file tells one by the conflict.
bool saw_directory(const RunNote& note, const Bytes& noted_version) {
    return note.code == name_of(ConflictKind::kind_differs) && noted_version.empty();
}

Result<ConflictSide> look_at_side(Endpoint& endpoint, const CallContext& call, const RunNote& note,
                                  const Bytes& key, const Bytes& noted_version,
                                  std::uint64_t limit_bytes) {
    ConflictSide side;
    Result<Item> item = endpoint.stat(call, key);
    const bool is_named_as_file = !is_container_key(key);
    if (item.code() == Code::not_found && is_named_as_file) {
        item = endpoint.stat(call, key + '/');
    }
    if (!item.ok() && item.code() != Code::not_found) {
        return item.status().with_context(endpoint.location());
    }
    const bool is_directory = item.ok() && item->kind == ItemKind::container && is_named_as_file;
    if (is_directory || (!item.ok() && is_named_as_file)) {
        side.moved = !noted_version.empty() || is_directory != saw_directory(note, noted_version);
    } else {
        side.moved = (item.ok() ? item->version : Bytes()) != noted_version;
    }
    if (!item.ok()) {
        return side;
    }
    side.item = *std::move(item);
    if (side.item->kind != ItemKind::container && side.item->size <= limit_bytes) {
        GetRequest request;
        request.key = key;
        ContentSink sink(limit_bytes);
        const Status read = endpoint.get(call, request, sink);
        if (read.ok()) {
            side.content = sink.take();
        } else if (read.code() != Code::too_large) {
            return read.with_context(endpoint.location());
        }
    }
    return side;
}

bool is_escaped(const std::string& name) { // then it is not the key
    return name.find('\\') != std::string::npos;
}

// What both sides renamed is looked at under its new name.
Result<ConflictSide> look_at_renamed(Endpoint& endpoint, const CallContext& call,
                                     const RunNote& note, const std::string& name,
                                     const Bytes& noted_version, std::uint64_t limit_bytes) {
    Result<ConflictSide> side =
        is_escaped(name) ? Result<ConflictSide>(ConflictSide())
                         : look_at_side(endpoint, call, note, name, noted_version, limit_bytes);
    if (side.ok()) {
        side->renamed_to = name;
    }
    return side;
}

std::optional<ShownNames> new_names(const RunNote& note) {
    return note.code == name_of(ConflictKind::rename_rename) ? renamed_twice_names(note.message)
                                                             : std::nullopt;
}

} // namespace

Result<Inbox> read_inbox(PluginRegistry& plugins, const SyncSpec& spec, const Clock& clock) {
    const Result<std::unique_ptr<Session>> session = Session::open(plugins, place_of(spec), clock);
    if (!session.ok()) {
        return session.status();
    }
    RunStore& runs = (*session)->state().runs();
    Inbox inbox;
    inbox.source = (*session)->source();
    inbox.target = (*session)->target();
    const Result<std::vector<RunRecord>> latest = runs.latest(kLatestRuns);
    if (!latest.ok()) {
        return latest.status();
    }
    // A run that was killed did not get to note all of its failures.
    const auto finished = std::find_if(latest->begin(), latest->end(), tells_what_is_open);
    if (finished == latest->end()) {
        return inbox;
    }
    inbox.run_id = finished->id;
    inbox.run_wall_ns = finished->finished_wall_ns;
    inbox.mode = mode_of(*finished);
    Result<std::vector<RunNote>> notes = runs.notes(finished->id);
    if (!notes.ok()) {
        return notes.status();
    }
    for (RunNote& note : *notes) {
        if (note.outcome == Outcome::conflicted) {
            inbox.conflicts.push_back(std::move(note));
        } else if (note.outcome == Outcome::failed) {
            inbox.failures.push_back(std::move(note));
        }
    }
    std::ranges::stable_sort(inbox.conflicts, {}, &RunNote::key);
    std::ranges::stable_sort(inbox.failures, {}, &RunNote::key);
    return inbox;
}

Result<ConflictView> look_at_conflict(const RunServices& services, const SyncSpec& spec,
                                      const RunNote& note, std::uint64_t limit_bytes) {
    const Result<std::unique_ptr<Session>> opened =
        Session::open(services.plugins, place_of(spec), services.clock);
    if (!opened.ok()) {
        return opened.status();
    }
    Session& session = **opened;
    CallContext call;
    call.dry_run = true;
    SYNCLINE_TRY(session.open_sides(services, spec.guard, call, false));
    ConflictView view;
    const std::optional<ShownNames> renamed = new_names(note);
    const auto look = [&](Side which, const Bytes& version, std::string ShownNames::*name) {
        Endpoint& endpoint = session.at(which);
        return renamed ? look_at_renamed(endpoint, call, note, *renamed.*name, version, limit_bytes)
                       : look_at_side(endpoint, call, note, note.key, version, limit_bytes);
    };
    Result<ConflictSide> source = look(Side::source, note.source_version, &ShownNames::on_source);
    if (!source.ok()) {
        return source.status();
    }
    view.source = *std::move(source);
    Result<ConflictSide> target = look(Side::target, note.target_version, &ShownNames::on_target);
    if (!target.ok()) {
        return target.status();
    }
    view.target = *std::move(target);
    Result<std::optional<BaseEntry>> base = session.state().base().find(note.key);
    if (!base.ok()) {
        return base.status();
    }
    view.base = *std::move(base);
    if (!view.base) {
        return view;
    }
    ArchiveStore& archive = session.state().archive();
    const Result<std::optional<ArchivedContent>> kept =
        find_base_content(archive, to_view(*view.base));
    if (!kept.ok()) {
        return kept.status();
    }
    if (*kept && (*kept)->size <= limit_bytes) {
        Result<Bytes> bytes = read_archived(archive, (*kept)->digest, {});
        if (!bytes.ok()) {
            return bytes.status();
        }
        view.base_content = *std::move(bytes);
    }
    return view;
}

std::vector<Bytes> keys_of(const RunNote& conflict) {
    if (conflict.code != name_of(ConflictKind::rename_rename)) {
        return {conflict.key};
    }
    const std::optional<ShownNames> names = new_names(conflict);
    if (!names || is_escaped(names->on_source) || is_escaped(names->on_target)) {
        return {};
    }
    return {conflict.key, names->on_source, names->on_target};
}

} // namespace syncline
