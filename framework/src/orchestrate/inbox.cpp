#include "syncline/orchestrate/inbox.hpp"

#include "orchestrate/open_notes.hpp"
#include "orchestrate/session.hpp"
#include "syncline/state/base_content.hpp"

#include <algorithm>

namespace syncline {

namespace {

SyncPlace place_of(const SyncSpec& spec) {
    return {spec.source, spec.target, spec.state_directory};
}

Mode mode_of(const RunRecord& run) {
    for (const Mode mode : {Mode::one_way, Mode::mirror}) {
        if (reported(run, "mode") == name_of(mode)) {
            return mode;
        }
    }
    return Mode::two_way;
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
                                  Side which, std::uint64_t limit_bytes) {
    const bool is_source = which == Side::source;
    const Bytes& noted_version = is_source ? note.source_version : note.target_version;
    ConflictSide side;
    side.renamed_to = is_source ? note.source_key : note.target_key;
    const Bytes& key = side.renamed_to.empty() ? note.key : side.renamed_to;
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

} // namespace

Result<Inbox> read_inbox(PluginRegistry& plugins, const SyncSpec& spec, const Clock& clock) {
    const Result<std::unique_ptr<Session>> session = Session::open(plugins, place_of(spec), clock);
    if (!session.ok()) {
        return session.status();
    }
    Inbox inbox;
    inbox.source = (*session)->source();
    inbox.target = (*session)->target();
    Result<OpenNotes> open = open_notes((*session)->state().runs());
    if (!open.ok()) {
        return open.status();
    }
    if (!open->run) {
        return inbox;
    }
    inbox.run_id = open->run->id;
    inbox.run_wall_ns = open->run->finished_wall_ns;
    inbox.mode = mode_of(*open->run);
    for (RunNote& note : open->notes) {
        (note.outcome == Outcome::conflicted ? inbox.conflicts : inbox.failures)
            .push_back(std::move(note));
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
    for (const auto& [which, into] :
         {std::pair(Side::source, &view.source), std::pair(Side::target, &view.target)}) {
        Result<ConflictSide> side = look_at_side(session.at(which), call, note, which, limit_bytes);
        if (!side.ok()) {
            return side.status();
        }
        *into = *std::move(side);
    }
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
    if (conflict.source_key.empty() || conflict.target_key.empty()) {
        return {}; // noted by a version that did not keep them
    }
    return {conflict.key, conflict.source_key, conflict.target_key};
}

} // namespace syncline
