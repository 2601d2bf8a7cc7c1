#include "syncline/orchestrate/inbox.hpp"

#include "syncline/core/text.hpp"
#include "syncline/endpoint/endpoint.hpp"
#include "syncline/orchestrate/location.hpp"
#include "syncline/state/base_content.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace syncline {

namespace {

constexpr std::size_t kLatestRuns = 50; // to look for a finished one in

struct Places {
    Location source;
    Location target;
    std::unique_ptr<StateDirectory> directory;
    std::unique_ptr<SyncState> state;
};

Result<Places> open_places(const PluginRegistry& plugins, const SyncSpec& spec) {
    Places places;
    Result<Location> source = parse_location(spec.source, plugins);
    if (!source.ok()) {
        return source.status().with_context("source");
    }
    Result<Location> target = parse_location(spec.target, plugins);
    if (!target.ok()) {
        return target.status().with_context("target");
    }
    places.source = *std::move(source);
    places.target = *std::move(target);
    const Status never(Code::not_found,
                       "'" + display_key(places.source.shown) + "' and '" +
                           display_key(places.target.shown) +
                           "' were not synchronised yet with this state directory ('" +
                           display_key(spec.state_directory.native()) +
                           "'); run 'syncline sync' with both in this order first");
    std::error_code error;
    if (!std::filesystem::exists(spec.state_directory / "state.db", error)) {
        return never;
    }
    Result<std::unique_ptr<StateDirectory>> directory = open_state_directory(spec.state_directory);
    if (!directory.ok()) {
        return directory.status();
    }
    places.directory = *std::move(directory);
    Result<std::unique_ptr<SyncState>> state =
        places.directory->open_sync(places.source.canonical + " <-> " + places.target.canonical);
    if (!state.ok()) {
        return state.status();
    }
    places.state = *std::move(state);
    const Result<std::optional<SyncIdentity>> identity = places.state->identity().load();
    if (!identity.ok()) {
        return identity.status();
    }
    if (!*identity) {
        return never;
    }
    return places;
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

Result<ConflictSide> look_at_side(const RunServices& services, const SyncSpec& spec,
                                  const Location& location, const RunNote& note,
                                  const Bytes& noted_version, std::uint64_t limit_bytes) {
    if (!location.missing.empty()) {
        return Status(Code::root_missing, location.missing);
    }
    Result<std::unique_ptr<Connector>> connector = open_connector(services.plugins, location);
    if (!connector.ok()) {
        return connector.status();
    }
    EndpointOptions options;
    options.location = location.shown;
    options.spill_directory = spec.state_directory;
    options.guard = spec.guard;
    CallContext call;
    call.dry_run = true;
    Result<std::unique_ptr<Endpoint>> endpoint =
        make_endpoint(*std::move(connector), std::move(options), services.clock, call);
    if (!endpoint.ok()) {
        return endpoint.status();
    }
    ConflictSide side;
    Result<Item> item = (*endpoint)->stat(call, note.key);
    if (!item.ok() && item.code() != Code::not_found) {
        return item.status();
    }
    side.moved = (item.ok() ? BytesView(item->version) : BytesView()) != BytesView(noted_version);
    if (!item.ok()) {
        return side;
    }
    side.item = *std::move(item);
    if (side.item->kind != ItemKind::container && side.item->size <= limit_bytes) {
        GetRequest request;
        request.key = note.key;
        ContentSink sink(limit_bytes);
        const Status read = (*endpoint)->get(call, request, sink);
        if (read.ok()) {
            side.content = sink.take();
        } else if (read.code() != Code::too_large) {
            return read;
        }
    }
    return side;
}

} // namespace

Result<Inbox> read_inbox(PluginRegistry& plugins, const SyncSpec& spec) {
    Result<Places> places = open_places(plugins, spec);
    if (!places.ok()) {
        return places.status();
    }
    Inbox inbox;
    inbox.source = places->source.shown;
    inbox.target = places->target.shown;
    const Result<std::vector<RunRecord>> runs = places->state->runs().latest(kLatestRuns);
    if (!runs.ok()) {
        return runs.status();
    }
    // A run that was killed did not get to note all of its failures.
    const auto finished = std::find_if(
        runs->begin(), runs->end(), [](const RunRecord& run) { return run.finished_wall_ns != 0; });
    if (finished == runs->end()) {
        return inbox;
    }
    inbox.run_id = finished->id;
    inbox.run_wall_ns = finished->finished_wall_ns;
    inbox.mode = mode_of(*finished);
    Result<std::vector<RunNote>> notes = places->state->runs().notes(finished->id);
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
    Result<Places> places = open_places(services.plugins, spec);
    if (!places.ok()) {
        return places.status();
    }
    ConflictView view;
    Result<ConflictSide> source =
        look_at_side(services, spec, places->source, note, note.source_version, limit_bytes);
    if (!source.ok()) {
        return source.status().with_context("source");
    }
    view.source = *std::move(source);
    Result<ConflictSide> target =
        look_at_side(services, spec, places->target, note, note.target_version, limit_bytes);
    if (!target.ok()) {
        return target.status().with_context("target");
    }
    view.target = *std::move(target);
    Result<std::optional<BaseEntry>> base = places->state->base().find(note.key);
    if (!base.ok()) {
        return base.status();
    }
    view.base = *std::move(base);
    if (view.base) {
        ArchiveStore& archive = places->state->archive();
        Result<std::optional<ArchivedContent>> kept =
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
    }
    return view;
}

} // namespace syncline
