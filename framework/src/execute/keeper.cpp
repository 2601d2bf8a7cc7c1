#include "execute/keeper.hpp"

#include "syncline/core/failpoint.hpp"
#include "syncline/core/text.hpp"

#include <utility>
#include <vector>

namespace syncline {

namespace {

// The sides on which a merged content takes the place of another.
std::vector<Side> merged_over(const PlannedOp& op) {
    std::vector<Side> sides;
    if (op.target) {
        sides.push_back(Side::target);
    }
    if (op.source && !op.differs) {
        sides.push_back(Side::source);
    }
    return sides;
}

// The sides on which the operation replaces or removes a content.
std::vector<Side> losing_sides(const PlannedOp& op) {
    if (op.kind == ItemKind::container) {
        return {};
    }
    switch (op.action) {
    case Action::update:
    case Action::remove:
        return {op.side};
    case Action::follow: // else its content stays, or goes with what it follows
        return op.phase == Phase::remove_content ? std::vector{op.side} : std::vector<Side>();
    case Action::rename: // else its content stays, under the new name
        return op.differs ? std::vector{op.side} : std::vector<Side>();
    case Action::keep_both:
        return op.differs && op.side == Side::source ? std::vector<Side>() : std::vector{op.side};
    case Action::merge:
        return merged_over(op);
    default:
        return {};
    }
}

class ArchiveSink final : public BodySink {
public:
    ArchiveSink(ArchiveStore& archive, const Item& planned)
        : archive_(archive), planned_(planned) {}

    Status begin(const ItemView& item) override {
        if (!planned_.version.empty() && item.version != planned_.version) {
            return {Code::conflict, "changed after it was planned"};
        }
        Result<std::unique_ptr<ArchiveWriter>> writer = archive_.put(item.size);
        if (!writer.ok()) {
            return writer.status();
        }
        writer_ = *std::move(writer);
        return {};
    }
    Status write(BytesView bytes) override { return writer_->write(bytes); }
    Result<ArchivedContent> finish() {
        return writer_ ? writer_->finish()
                       : Result<ArchivedContent>(Code::io, "its content could not be read");
    }

private:
    ArchiveStore& archive_;
    const Item& planned_;
    std::unique_ptr<ArchiveWriter> writer_;
};

} // namespace

void Keeper::keep(std::span<OpResult> batch, const CallContext& call) const {
    if (keeping_.journal == nullptr || call.dry_run) {
        return;
    }
    std::vector<JournalEntry> entries;
    std::vector<OpResult*> kept;
    for (OpResult& result : batch) {
        for (const Side side : losing_sides(result.op)) {
            if (call.stop.stop_requested() || !result.keep_failed.ok()) {
                break;
            }
            result.keep_failed = archive(result, side, call);
            const Bytes& archived = result.archived[static_cast<std::size_t>(side)];
            if (result.keep_failed.ok() && !archived.empty()) {
                JournalEntry& entry = entries.emplace_back();
                entry.key = lost_key(result.op);
                entry.side = side;
                entry.action = result.op.action == Action::remove ||
                                       result.op.action == Action::rename ||
                                       result.op.action == Action::follow
                                   ? Action::remove
                                   : Action::update;
                entry.before = side == Side::source ? result.op.source : result.op.target;
                entry.archived = archived;
                result.intended[static_cast<std::size_t>(side)] = true;
                kept.push_back(&result);
            }
        }
    }
    if (kept.empty()) {
        return;
    }
    SYNCLINE_FAILPOINT("archive.before-commit");
    Status durable = keeping_.archive->make_durable();
    SYNCLINE_FAILPOINT("archive.after-commit");
    if (durable.ok()) {
        durable = keeping_.journal->intend(keeping_.run, entries);
    }
    if (!durable.ok()) {
        for (OpResult* result : kept) {
            result->intended = {};
            result->keep_failed = durable.with_context(
                "the content of '" + display_key(result->op.key) +
                "' could not be archived, so it was left as it is (--no-archive goes on without)");
        }
    }
}

Status Keeper::archive(OpResult& result, Side side, const CallContext& call) const {
    if (keeping_.archive == nullptr) {
        result.not_kept = "the archive was switched off";
        return {};
    }
    Endpoint& endpoint = side == Side::source ? source_ : target_;
    if (!endpoint.has_local_bodies() && !keeping_.fetches) {
        result.not_kept = "contents of this side are not archived, because they are not local";
        return {};
    }
    const Item& planned = *(side == Side::source ? result.op.source : result.op.target);
    Result<ArchivedContent> content =
        archive_item(endpoint, planned, lost_key(result.op), *keeping_.archive, call);
    if (content.ok()) {
        result.archived[static_cast<std::size_t>(side)] = std::move(content->digest);
        return {};
    }
    switch (content.code()) {
    case Code::conflict: // the operation finds out for itself that it is too late
    case Code::not_found:
        return {};
    case Code::too_large:
        result.not_kept = content.status().message();
        result.tells_not_kept = true;
        return {};
    case Code::cancelled:
        return content.status();
    default:
        return content.status().with_context(
            "the content of '" + display_key(result.op.key) +
            "' could not be archived, so it was left as it is (--no-archive goes on without)");
    }
}

Result<ArchivedContent> archive_item(Endpoint& side, const Item& planned, BytesView key,
                                     ArchiveStore& archive, const CallContext& call) {
    GetRequest request;
    request.key = key;
    if (side.info().get_if_version) {
        request.if_version = planned.version;
    }
    if (planned.kind == ItemKind::object && side.has_local_bodies()) {
        Result<LocalBody> body = side.open_body(call, request);
        if (body.ok()) {
            if (!planned.version.empty() && body->item().version != planned.version) {
                return Status(Code::conflict, "changed after it was planned");
            }
            return archive.put_file(body->fd(), body->item().size, call.stop);
        }
        if (body.code() != Code::not_supported) {
            return body.status();
        }
    }
    ArchiveSink sink(archive, planned);
    SYNCLINE_TRY(side.get(call, request, sink));
    return sink.finish();
}

} // namespace syncline
