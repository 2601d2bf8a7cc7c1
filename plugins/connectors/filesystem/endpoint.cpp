#include "endpoint.hpp"

#include "failpoint.hpp"
#include "lister.hpp"
#include "reader.hpp"
#include "writer.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace syncline::fs {

namespace {

constexpr std::uint32_t kPreferredPage = 4096;
constexpr std::uint32_t kMaxMetaBytes = 64; // the executable bit and nothing else

std::uint64_t announced_size(const syncline_put_req& req) {
    const bool known = req.item != nullptr && (req.item->fields & SYNCLINE_ITEM_SIZE) != 0;
    return known ? req.item->size : SYNCLINE_SIZE_UNKNOWN;
}

// Stands in for the reader that a put of a container does not need.
std::int64_t read_nothing(const syncline_reader*, void*, std::uint64_t) { return 0; }
syncline_status cannot_rewind(const syncline_reader*) { return SYNCLINE_E_NOT_SUPPORTED; }
std::int64_t cannot_seek(const syncline_reader*, std::uint64_t, void*, std::uint64_t) {
    return SYNCLINE_E_NOT_SUPPORTED;
}

const syncline_reader kNoReader = {
    sizeof(syncline_reader), 0,          nullptr, SYNCLINE_SIZE_UNKNOWN, read_nothing,
    cannot_rewind,           cannot_seek};

} // namespace

Status Endpoint::current(std::shared_ptr<const Root>& out) {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (!root_) {
        Status status = Root::open(settings_, root_);
        if (!status.ok()) {
            return status;
        }
    }
    out = root_;
    return {};
}

Status Endpoint::refreshed(Look depth, std::shared_ptr<const Root>& out) {
    struct stat now {};
    if (depth == Look::quick && ::stat(settings_.path.c_str(), &now) == 0) {
        const std::lock_guard<std::mutex> guard(mutex_);
        if (root_ && root_->state().inode == now.st_ino && root_->device() == now.st_dev) {
            out = root_;
            return {};
        }
    }
    std::shared_ptr<const Root> fresh;
    Status status = Root::open(settings_, fresh);
    const std::lock_guard<std::mutex> guard(mutex_);
    if (!status.ok()) {
        root_.reset();
        return status;
    }
    const bool is_same = root_ && root_->state().inode == fresh->state().inode &&
                         root_->device() == fresh->device() &&
                         root_->traits().is_read_only == fresh->traits().is_read_only;
    if (!is_same) { // else keep what was learnt about the file system
        root_ = std::move(fresh);
    }
    out = root_;
    return {};
}

Status Endpoint::info(sdk::Info& out) {
    std::shared_ptr<const Root> root;
    Status status = refreshed(Look::thorough, root);
    if (!status.ok()) {
        return status;
    }
    const Traits& traits = root->traits();
    out.key_rules =
        SYNCLINE_KEY_NO_DOT_SEGMENTS | (traits.folds_case ? SYNCLINE_KEY_CASE_FOLDED : 0);
    out.caps = kCapsMax & ~(SYNCLINE_CAP_COND_EMULATED | SYNCLINE_CAP_READ_ONLY);
    if (!traits.can_exchange || root->lacks_exchange.load()) {
        out.caps |= SYNCLINE_CAP_COND_EMULATED;
    }
    if (traits.is_read_only) {
        out.caps |= SYNCLINE_CAP_READ_ONLY;
    }
    if (traits.is_fat) {
        out.caps &= ~SYNCLINE_CAP_META_SET; // the executable bit is a mount option there
    }
    out.hash_algos =
        0; // listing never reads content, and a put is not verified against the item's hash
    out.max_object_size = UINT64_MAX;
    out.max_key_bytes = 0;
    out.max_meta_bytes = kMaxMetaBytes;
    out.max_concurrency = kMaxConcurrency;
    out.preferred_page = kPreferredPage;
    out.max_batch = 0;
    out.consistency = SYNCLINE_CONSISTENCY_LINEARIZABLE;
    out.mtime_granularity_ns = traits.mtime_granularity_ns;
    out.settle_ns = 0;
    out.scope_id = traits.scope_id;
    out.scope_path = traits.scope_path;
    out.max_batch_bytes = 0;
    return {};
}

Status Endpoint::check() {
    std::shared_ptr<const Root> root;
    Status status = refreshed(Look::thorough, root);
    if (!status.ok()) {
        return status;
    }
    if (faccessat(root->fd(), ".", R_OK | X_OK, AT_EACCESS) != 0) {
        return errno_status(errno, "read the directory", settings_.path);
    }
    return {};
}

Status Endpoint::list(const syncline_call* call, const syncline_list_req& req,
                      const syncline_item_sink& sink) {
    if (req.max_items == 0) {
        return Status::error(SYNCLINE_E_INVALID_ARGUMENT, "max_items must be at least 1");
    }
    ListRequest request;
    request.prefix = view_of(req.prefix);
    request.after = view_of(req.cursor.size != 0 ? req.cursor : req.start_after);
    request.max_items = req.max_items;
    Key ignored;
    if (req.cursor.size != 0 && !parse_key(view_of(req.cursor), ignored).ok()) {
        return Status::error(SYNCLINE_E_INVALID_ARGUMENT, "this cursor does not come from here");
    }
    std::shared_ptr<const Root> root;
    Status status = refreshed(Look::quick, root);
    return status.ok() ? Lister(*root, call, sink).run(request) : std::move(status);
}

Status Endpoint::stat(const syncline_call* call, std::string_view key,
                      const syncline_item_sink& sink) {
    std::shared_ptr<const Root> root;
    Status status = current(root);
    return status.ok() ? Reader(*root, call).stat(key, sink) : std::move(status);
}

Status Endpoint::get(const syncline_call* call, const syncline_get_req& req,
                     const syncline_get_sink& sink) {
    std::shared_ptr<const Root> root;
    Status status = current(root);
    return status.ok() ? Reader(*root, call).get(req, sink) : std::move(status);
}

Status Endpoint::put(const syncline_call* call, const syncline_put_req& req,
                     const syncline_reader* reader, const syncline_item_sink& sink) {
    std::shared_ptr<const Root> root;
    Status status = current(root);
    if (!status.ok()) {
        return status;
    }
    ReaderBody body(*root, call, reader != nullptr ? *reader : kNoReader, announced_size(req),
                    view_of(req.key));
    return Writer(*root, call).put(req, body, sink);
}

Status Endpoint::remove(const syncline_call* call, const syncline_remove_req& req) {
    std::shared_ptr<const Root> root;
    Status status = current(root);
    return status.ok() ? Writer(*root, call).remove(req) : std::move(status);
}

Status Endpoint::flush(const syncline_call* call) {
    std::shared_ptr<const Root> root;
    Status status = current(root);
    if (!status.ok() || is_dry_run(call)) {
        return status;
    }
    SYNCLINE_FS_FAILPOINT("before-flush");
    if (syncfs(root->fd()) != 0) {
        return errno_status(errno, "flush the file system of", settings_.path);
    }
    SYNCLINE_FS_FAILPOINT("after-flush");
    return {};
}

Status Endpoint::rename(const syncline_call* call, const syncline_rename_req& req,
                        const syncline_item_sink& sink) {
    std::shared_ptr<const Root> root;
    Status status = current(root);
    return status.ok() ? Writer(*root, call).rename(req, sink) : std::move(status);
}

Status Endpoint::set_meta(const syncline_call* call, const syncline_put_req& req,
                          const syncline_item_sink& sink) {
    std::shared_ptr<const Root> root;
    Status status = current(root);
    return status.ok() ? Writer(*root, call).set_meta(req, sink) : std::move(status);
}

Status Endpoint::open_body(const syncline_call* call, const syncline_get_req& req,
                           const syncline_item_sink& sink, std::int32_t& fd) {
    std::shared_ptr<const Root> root;
    Fd file;
    Status status = current(root);
    if (status.ok()) {
        status = Reader(*root, call).open_body(req, sink, file);
    }
    if (status.ok()) {
        fd = file.release();
    }
    return status;
}

Status Endpoint::put_fd(const syncline_call* call, const syncline_put_req& req, std::int32_t fd,
                        const syncline_item_sink& sink) {
    std::shared_ptr<const Root> root;
    Status status = current(root);
    if (!status.ok()) {
        return status;
    }
    FileBody body(*root, call, fd, announced_size(req), view_of(req.key));
    return Writer(*root, call).put(req, body, sink);
}

} // namespace syncline::fs
