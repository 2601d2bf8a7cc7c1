#include "execute/base_keeper.hpp"

#include "syncline/core/failpoint.hpp"
#include "syncline/core/hash.hpp"
#include "syncline/core/log.hpp"
#include "syncline/core/text.hpp"
#include "syncline/state/base_content.hpp"

namespace syncline {

namespace {

void warn(BytesView what, const Status& status) {
    log(LogLevel::warning, "execute",
        "the content of " + display_key(what) + " is not kept for merges: " + status.message());
}

// A body on its way into the archive.
class ArchiveSink : public BodySink {
public:
    explicit ArchiveSink(ArchiveWriter& writer) : writer_(writer) {}
    Status begin(const ItemView&) override { return {}; }
    Status write(BytesView bytes) override { return writer_.write(bytes); }

private:
    ArchiveWriter& writer_;
};

} // namespace

std::optional<KeptContent> BaseKeeper::keep(const BaseEntry& entry, const CallContext& call) const {
    if (archive() == nullptr || !kept_bases_.limit || entry.kind != ItemKind::object ||
        entry.hash.empty() || entry.differs || entry.size > kept_bases_.limit(entry.key)) {
        return std::nullopt;
    }
    KeptContent kept;
    kept.name = base_content_name(entry.key);
    Result<std::optional<ArchivedContent>> known = archive()->find(entry.hash);
    if (known.ok() && *known) {
        kept.digest = std::move((*known)->digest);
        const Result<std::optional<Bytes>> pinned = archive()->pinned(kept.name);
        if (pinned.ok() && *pinned && **pinned == kept.digest) {
            return std::nullopt;
        }
        return kept;
    }
    Endpoint& side = source_.has_local_bodies() || !target_.has_local_bodies() ? source_ : target_;
    Result<std::unique_ptr<ArchiveWriter>> writer = archive()->put(entry.size);
    if (!writer.ok()) {
        warn(entry.key, writer.status());
        return std::nullopt;
    }
    ArchiveSink sink(**writer);
    GetRequest request;
    request.key = entry.key;
    const Status read = side.get(call, request, sink);
    if (!read.ok()) {
        warn(entry.key, read);
        return std::nullopt;
    }
    Result<ArchivedContent> content = (*writer)->finish();
    if (!content.ok()) {
        warn(entry.key, content.status());
        return std::nullopt;
    }
    if (content->content_hash != entry.hash) {
        return std::nullopt; // it moved on; the next run agrees on another content
    }
    kept.digest = std::move(content->digest);
    return kept;
}

void pin_kept(ArchiveStore* archive, const std::vector<KeptContent>& kept) {
    if (archive == nullptr || kept.empty()) {
        return;
    }
    SYNCLINE_FAILPOINT("archive.before-base-contents");
    Status status = archive->make_durable();
    for (const KeptContent& content : kept) {
        if (status.ok()) {
            status = content.digest.empty() ? archive->unpin(content.name)
                                            : archive->pin(content.name, content.digest);
        }
    }
    if (!status.ok()) {
        warn("the last items", status);
    }
}

} // namespace syncline
