#include "orchestrate/undo_plan.hpp"

#include "execute/keeper.hpp"
#include "orchestrate/past_endpoint.hpp"
#include "syncline/core/meta.hpp"
#include "syncline/core/text.hpp"
#include "syncline/endpoint/content_hash_of.hpp"

#include <algorithm>
#include <utility>

namespace syncline {

namespace {

bool is_what(const std::optional<Item>& now, const std::optional<Item>& wanted) {
    if (!now || !wanted) {
        return !now && !wanted;
    }
    return now->kind == wanted->kind &&
           (now->kind == ItemKind::container ||
            (!wanted->version.empty() && now->version == wanted->version));
}

} // namespace

UndoPlanner::UndoPlanner(Endpoint& endpoint, Side side, std::int64_t run, TakeBack how,
                         JournalStore& journal, ArchiveStore& archive, PlanStore& plan,
                         const CallContext& call)
    : endpoint_(endpoint), side_(side), run_(run), how_(how), journal_(journal), archive_(archive),
      plan_(plan), call_(call) {}

Status UndoPlanner::add(const JournalEntry& entry) {
    if (call_.stop.stop_requested()) {
        return {Code::cancelled, "interrupted"};
    }
    PlannedOp op;
    op.key = entry.key;
    op.side = side_;
    op.kind = is_container_key(entry.key) ? ItemKind::container
              : entry.before              ? entry.before->kind
              : entry.after               ? entry.after->kind
                                          : ItemKind::object;
    Result<Item> found = endpoint_.stat(call_, entry.key);
    if (!found.ok() && found.code() != Code::not_found) {
        if (found.code() == Code::root_missing || found.code() == Code::cancelled) {
            return found.status();
        }
        return cannot(std::move(op), "it cannot be examined: " + found.status().message());
    }
    std::optional<Item> now;
    if (found.ok()) {
        now = *std::move(found);
    }
    if (now && (now->unreadable || now->kind == ItemKind::unsupported)) {
        return cannot(std::move(op), "what is there now cannot be read");
    }
    return how_ == TakeBack::undo ? undo(std::move(op), entry, std::move(now))
                                  : restore(std::move(op), entry, std::move(now));
}

Status UndoPlanner::undo(PlannedOp op, const JournalEntry& entry, std::optional<Item> now) {
    if (is_what(now, entry.before)) {
        return {}; // as before: it is undone already, or did not happen
    }
    const Result<bool> is_back = looks_like_before(entry, now);
    if (!is_back.ok()) {
        return is_back.status();
    }
    if (*is_back) {
        return {};
    }
    if (!entry.is_done) {
        return leave(std::move(op),
                     "the run was cut short before it could say what it wrote here; 'syncline "
                     "restore' brings the old content back");
    }
    if (!is_what(now, entry.after)) {
        return leave(std::move(op), !now           ? "it was deleted after the run"
                                    : !entry.after ? "something was put there after the run"
                                                   : "it was changed after the run");
    }
    op.reason = entry.before ? "as before run " + std::to_string(run_)
                             : "not there before run " + std::to_string(run_);
    return entry.before ? bring_back(std::move(op), entry, std::move(now))
                        : take_away(std::move(op), std::move(now));
}

// What an undo brought back that was cut short: written anew, so its version says nothing.
Result<bool> UndoPlanner::looks_like_before(const JournalEntry& entry,
                                            const std::optional<Item>& now) {
    if (!now || !entry.before || now->kind != entry.before->kind ||
        now->size != entry.before->size || is_what(now, entry.after)) {
        return false;
    }
    const std::int64_t here_ns = now->mtime_ns;
    const std::int64_t then_ns = entry.before->mtime_ns;
    const bool keeps_times =
        endpoint_.info().sets_mtime && here_ns != kUnknownTime && then_ns != kUnknownTime;
    const std::int64_t gap_ns = !keeps_times        ? 0
                                : here_ns > then_ns ? here_ns - then_ns
                                                    : then_ns - here_ns;
    if (gap_ns >= std::max<std::int64_t>(endpoint_.info().mtime_granularity_ns, 1) ||
        (endpoint_.info().sets_meta && !same_meta(now->meta, entry.before->meta))) {
        return false;
    }
    if (entry.action == Action::set_meta) {
        return true; // the content is as somebody left it, which the run did not touch
    }
    if (entry.archived.empty()) {
        return false;
    }
    PastEndpoint past(journal_, archive_, run_, side_);
    const Result<HashedItem> then = hash_item(past, call_, entry.key);
    const Result<HashedItem> there = hash_item(endpoint_, call_, entry.key);
    for (const Status& status : {then.status(), there.status()}) {
        if (status.code() == Code::root_missing || status.code() == Code::cancelled) {
            return status;
        }
    }
    return then.ok() && there.ok() && then->hash == there->hash;
}

Status UndoPlanner::restore(PlannedOp op, const JournalEntry& entry, std::optional<Item> now) {
    if (!entry.before || (now && now->kind == ItemKind::container)) {
        return {};
    }
    if (!now) {
        const Result<std::string> obstacle = in_the_way(entry.key);
        if (!obstacle.ok()) {
            return obstacle.status();
        }
        if (!obstacle->empty()) {
            return leave(std::move(op), *obstacle + " is in the way; move it away, or restore with "
                                                    "--to FILE");
        }
    }
    op.reason = "as before run " + std::to_string(run_);
    return bring_back(std::move(op), entry, std::move(now));
}

// What has the name of `key`, or of a directory above it, but is of the other kind; or nothing.
Result<std::string> UndoPlanner::in_the_way(BytesView key) {
    const auto is_there = [this](const Bytes& other) -> Result<bool> {
        const Result<Item> found = endpoint_.stat(call_, other);
        if (!found.ok() && found.code() != Code::not_found) {
            return found.status();
        }
        return found.ok();
    };
    for (std::size_t slash = key.find('/'); slash != BytesView::npos;
         slash = key.find('/', slash + 1)) {
        const Bytes file(key.substr(0, slash));
        const Result<bool> found = is_there(file);
        if (!found.ok()) {
            return found.status();
        }
        if (*found) {
            return "the file '" + display_key(file) + "'";
        }
    }
    if (is_container_key(key)) {
        return std::string();
    }
    const Bytes directory = Bytes(key) + '/';
    const Result<bool> found = is_there(directory);
    if (!found.ok()) {
        return found.status();
    }
    return *found ? "the directory '" + display_key(directory) + "'" : std::string();
}

Status UndoPlanner::bring_back(PlannedOp op, const JournalEntry& entry, std::optional<Item> now) {
    const bool has_content = entry.before->kind != ItemKind::container;
    if (entry.action == Action::set_meta && now) {
        op.action = Action::set_meta;
    } else {
        op.action = now ? Action::update : Action::create;
        if (has_content) {
            const Result<Bytes> archived = archived_of(entry);
            if (archived.code() == Code::not_found) {
                return cannot(std::move(op), archived.status().message());
            }
            if (!archived.ok()) {
                return archived.status();
            }
        }
    }
    moved_back_ += entry.moved_to.empty() ? 0 : 1;
    if (!now) {
        SYNCLINE_TRY(make_parents(op.key));
        if (!has_content) {
            parents_.push_back(op.key);
        }
    }
    op.phase = has_content ? Phase::write_content : Phase::create_containers;
    here(op) = std::move(now);
    past(op) = past_item(*entry.before);
    return put(op);
}

// The digest of what was there before, now or from now on in the archive; Code::not_found says why
// it is not.
Result<Bytes> UndoPlanner::archived_of(const JournalEntry& entry) {
    if (!entry.archived.empty()) {
        const Result<bool> is_kept = archive_.touch(entry.archived);
        if (!is_kept.ok()) {
            return is_kept.status();
        }
        return *is_kept ? Result<Bytes>(entry.archived)
                        : Status(Code::not_found, "its old content is no longer in the archive");
    }
    if (entry.moved_to.empty()) {
        return Status(Code::not_found, "its old content was not archived" +
                                           (entry.not_kept.empty() ? "" : ": " + entry.not_kept));
    }
    // It was renamed: what it was is what the run left under the new name.
    const Status moved_on(Code::not_found, "it was renamed to '" + display_key(entry.moved_to) +
                                               "', which was changed after the run");
    const Result<std::optional<JournalEntry>> renamed = journal_.find(run_, entry.moved_to, side_);
    if (!renamed.ok()) {
        return renamed.status();
    }
    const Result<Item> there = endpoint_.stat(call_, entry.moved_to);
    if (!there.ok() && there.code() != Code::not_found) {
        return there.status();
    }
    if (!there.ok() || !*renamed || !is_what(*there, (*renamed)->after)) {
        return moved_on;
    }
    if (call_.dry_run) {
        return Bytes();
    }
    Result<ArchivedContent> content =
        archive_item(endpoint_, *there, entry.moved_to, archive_, call_);
    if (content.code() == Code::conflict || content.code() == Code::not_found) {
        return moved_on;
    }
    if (content.code() == Code::too_large) {
        return Status(Code::not_found, content.status().message());
    }
    if (!content.ok()) {
        return content.status();
    }
    SYNCLINE_TRY(archive_.make_durable());
    SYNCLINE_TRY(journal_.set_archived(run_, entry.key, side_, content->digest));
    return std::move(content->digest);
}

// In the phases that make way for another kind of item, which come first: whether something else
// comes in its place need not be known then.
Status UndoPlanner::take_away(PlannedOp op, std::optional<Item> now) {
    op.action = Action::remove;
    op.phase = op.kind == ItemKind::container ? Phase::clear_containers : Phase::clear_content;
    here(op) = std::move(now);
    return put(op);
}

Status UndoPlanner::leave(PlannedOp op, std::string reason) {
    op.action = Action::conflict;
    op.phase = Phase::none;
    op.conflict = ConflictKind::both_changed;
    op.reason = std::move(reason);
    return put(op);
}

Status UndoPlanner::cannot(PlannedOp op, std::string reason) {
    op.action = Action::skip;
    op.phase = Phase::none;
    op.unreadable = true;
    op.reason = std::move(reason);
    return put(op);
}

// Directories that have gone meanwhile.
Status UndoPlanner::make_parents(BytesView key) {
    while (!parents_.empty() && !key.starts_with(parents_.back())) {
        parents_.pop_back();
    }
    const std::size_t seen = parents_.empty() ? 0 : parents_.back().size();
    for (std::size_t slash = key.find('/', seen);
         slash != BytesView::npos && slash + 1 < key.size(); slash = key.find('/', slash + 1)) {
        const BytesView parent = key.substr(0, slash + 1);
        parents_.emplace_back(parent);
        const Result<Item> found = endpoint_.stat(call_, parent);
        if (!found.ok() && found.code() != Code::not_found) {
            return found.status();
        }
        if (found.ok()) {
            continue;
        }
        PlannedOp op;
        op.key = Bytes(parent);
        op.side = side_;
        op.kind = ItemKind::container;
        op.action = Action::create;
        op.phase = Phase::create_containers;
        op.reason = "for what comes back in it";
        past(op) = Item();
        past(op)->kind = ItemKind::container;
        SYNCLINE_TRY(put(op));
    }
    return {};
}

Status UndoPlanner::put(const PlannedOp& op) { return plan_.add(op).status(); }

} // namespace syncline
