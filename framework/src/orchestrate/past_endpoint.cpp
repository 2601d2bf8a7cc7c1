#include "orchestrate/past_endpoint.hpp"

#include "syncline/core/io_buffer.hpp"
#include "syncline/core/text.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>

namespace syncline {

namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} << 10U;

} // namespace

Item past_item(const Item& before) {
    Item item = before;
    item.version.clear();
    item.id.clear();
    item.unsettled = false;
    return item;
}

PastEndpoint::PastEndpoint(JournalStore& journal, ArchiveStore& archive, std::int64_t run,
                           Side side)
    : journal_(journal), archive_(archive), run_(run), side_(side), location_(name_of(side)) {
    location_ += " before run ";
    location_ += std::to_string(run);
    info_.read_only = true;
    info_.concurrent = true;
}

Result<std::unique_ptr<ItemStream>> PastEndpoint::list(const CallContext&) {
    return Status(Code::not_supported, "the past cannot be listed");
}

Result<Item> PastEndpoint::stat(const CallContext&, BytesView key) {
    Result<std::optional<JournalEntry>> entry = journal_.find(run_, key, side_);
    if (!entry.ok()) {
        return entry.status();
    }
    if (!*entry || !(*entry)->before) {
        return Status(Code::not_found, "'" + display_key(key) + "' was not there before run " +
                                           std::to_string(run_));
    }
    return past_item(*(*entry)->before);
}

Result<PastEndpoint::Past> PastEndpoint::open(const CallContext& call, BytesView key) {
    Result<std::optional<JournalEntry>> entry = journal_.find(run_, key, side_);
    if (!entry.ok()) {
        return entry.status();
    }
    if (!*entry || !(*entry)->before) {
        return Status(Code::not_found, "'" + display_key(key) + "' was not there before run " +
                                           std::to_string(run_));
    }
    Past past{past_item(*(*entry)->before), nullptr};
    // What only this item lacks must neither look as if it had moved nor end the whole side.
    Result<std::unique_ptr<ArchivedBody>> body = archive_.get((*entry)->archived, call.stop);
    if (!body.ok()) {
        return body.code() == Code::not_found
                   ? Status(Code::integrity, "the old content of '" + display_key(key) +
                                                 "' is no longer in the archive")
                   : body.status();
    }
    past.body = *std::move(body);
    past.item.size = past.body->size();
    return past;
}

Status PastEndpoint::get(const CallContext& call, const GetRequest& request, BodySink& sink) {
    Result<Past> past = open(call, request.key);
    if (!past.ok()) {
        return past.status();
    }
    SYNCLINE_TRY(sink.begin(to_view(past->item)));
    const IoBuffer buffer(kPieceBytes);
    for (;;) {
        if (call.stop.stop_requested()) {
            return {Code::cancelled, "interrupted"};
        }
        const Result<std::size_t> got = past->body->read(buffer.data(), buffer.size());
        if (!got.ok()) {
            return got.status();
        }
        if (*got == 0) {
            return {};
        }
        SYNCLINE_TRY(sink.write(BytesView(buffer.data(), *got)));
    }
}

Result<LocalBody> PastEndpoint::open_body(const CallContext& call, const GetRequest& request) {
    Result<Past> past = open(call, request.key);
    if (!past.ok()) {
        return past.status();
    }
    if (past->body->fd() < 0) {
        return Status(Code::not_supported, "this content is in no file");
    }
    const int fd = ::fcntl(past->body->fd(), F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return Status(Code::io, std::string("cannot open an archived content twice: ") +
                                    std::strerror(errno));
    }
    return LocalBody(fd, std::move(past->item));
}

Status PastEndpoint::not_writable() const { return {Code::internal, "the past cannot be changed"}; }

Result<Item> PastEndpoint::put(const CallContext&, const PutRequest&, BodyReader&) {
    return not_writable();
}
Result<Item> PastEndpoint::put_fd(const CallContext&, const PutRequest&, int) {
    return not_writable();
}
Status PastEndpoint::remove(const CallContext&, const RemoveRequest&) { return not_writable(); }
Result<Item> PastEndpoint::set_meta(const CallContext&, const PutRequest&) {
    return not_writable();
}
Result<Item> PastEndpoint::rename(const CallContext&, const RenameRequest&) {
    return not_writable();
}
Status PastEndpoint::flush(const CallContext&) { return {}; }

} // namespace syncline
