#include "execute/transfer.hpp"

#include "execute/body_pipe.hpp"
#include "syncline/core/hash.hpp"
#include "syncline/core/io_buffer.hpp"
#include "syncline/core/text.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <unistd.h>

namespace syncline {

namespace {

constexpr std::size_t kPipeBytes = std::size_t{1} << 20U;
constexpr std::size_t kReadBytes = std::size_t{256} << 10U;

Status moved(BytesView key) {
    return Status(Code::conflict, "'" + display_key(key) + "' changed after it was planned");
}

bool same_version(const Item& planned, BytesView version) {
    return planned.version.empty() || version == planned.version;
}

GetRequest get_request(const TransferRequest& request) {
    GetRequest get;
    get.key = request.from_key;
    if (request.from.info().get_if_version) {
        get.if_version = request.planned.version;
    }
    return get;
}

PutRequest put_request(const TransferRequest& request) {
    PutRequest put;
    put.key = request.to_key;
    put.condition = request.condition;
    put.expected_version = request.expected_version;
    put.idempotency = request.intent.bytes();
    put.item = to_view(request.planned);
    put.item.key = request.to_key;
    put.item.meta = request.meta;
    put.item.version = {};
    put.item.id = {};
    return put;
}

// The request knows the key.
Item without_key(ItemView item) {
    item.key = {};
    return to_item(item);
}

// Collects a small body.
class BufferSink : public BodySink {
public:
    BufferSink(const TransferRequest& request, Bytes& buffer, std::size_t limit)
        : request_(request), buffer_(buffer), limit_(limit) {
        buffer_.clear();
    }
    Status begin(const ItemView& item) override {
        if (!same_version(request_.planned, item.version)) {
            return moved(request_.from_key);
        }
        read_ = without_key(item);
        return {};
    }
    Status write(BytesView bytes) override {
        if (buffer_.size() + bytes.size() > limit_) {
            return moved(request_.from_key); // it grew, so it is not what was planned
        }
        buffer_.append(bytes);
        return {};
    }
    Item& read() { return read_; }

private:
    const TransferRequest& request_;
    Bytes& buffer_;
    std::size_t limit_;
    Item read_;
};

Result<Transferred> through_memory(const TransferRequest& request, std::size_t limit,
                                   const CallContext& call, RunProgress& progress) {
    thread_local Bytes buffer;
    BufferSink sink(request, buffer, limit);
    SYNCLINE_TRY(request.from.get(call, get_request(request), sink));
    Transferred result;
    result.hash = content_hash(buffer);
    result.bytes = buffer.size();
    MemoryReader body(buffer);
    PutRequest put = put_request(request);
    put.item.size = buffer.size();
    put.item.hash = result.hash;
    put.item.hash_algo = HashAlgo::xxh3_128;
    Result<Item> written = request.to.put(call, put, body);
    if (!written.ok()) {
        return written.status();
    }
    progress.bytes_done(result.bytes);
    result.read = std::move(sink.read());
    result.written = *std::move(written);
    return result;
}

Result<Bytes> hash_descriptor(int fd, std::uint64_t size, const CallContext& call, BytesView key) {
    ContentHasher hasher;
    const IoBuffer buffer(kReadBytes);
    std::uint64_t at = 0;
    while (at < size) {
        if (call.stop.stop_requested()) {
            return Status(Code::cancelled, "interrupted");
        }
        const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(at));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return Status(Code::io,
                          "cannot read '" + display_key(key) + "': " + std::strerror(errno));
        }
        if (got == 0) {
            return moved(key);
        }
        hasher.update(buffer.data(), static_cast<std::size_t>(got));
        at += static_cast<std::uint64_t>(got);
    }
    return hasher.digest();
}

Result<Transferred> through_kernel(const TransferRequest& request, const ExecuteOptions& options,
                                   const CallContext& call, RunProgress& progress) {
    Result<LocalBody> body = request.from.open_body(call, get_request(request));
    if (!body.ok()) {
        return body.status();
    }
    if (!same_version(request.planned, body->item().version)) {
        return moved(request.from_key);
    }
    Transferred result;
    result.read = body->item();
    result.bytes = result.read.size;
    if (result.bytes <= options.hash_up_to) {
        Result<Bytes> hash = hash_descriptor(body->fd(), result.bytes, call, request.from_key);
        if (!hash.ok()) {
            return hash.status();
        }
        result.hash = *std::move(hash);
    }
    PutRequest put = put_request(request);
    put.item.size = result.bytes;
    put.item.hash = result.hash;
    put.item.hash_algo = result.hash.empty() ? HashAlgo::none : HashAlgo::xxh3_128;
    Result<Item> written = request.to.put_fd(call, put, body->fd());
    if (!written.ok()) {
        return written.status();
    }
    progress.bytes_done(result.bytes);
    result.written = *std::move(written);
    // What was hashed and what was copied were read one after the other. If the body moved in
    // between, keep neither the digest nor the version, so that the next run compares contents.
    const Result<Item> now = request.from.stat(call, request.from_key);
    if (!now.ok() || now->version != result.read.version) {
        result.hash.clear();
        result.read.version.clear();
    }
    return result;
}

class PipeSink : public BodySink {
public:
    PipeSink(const TransferRequest& request, BodyPipe& pipe, std::uint64_t hash_up_to)
        : request_(request), pipe_(pipe), hash_up_to_(hash_up_to) {}
    Status begin(const ItemView& item) override {
        if (!same_version(request_.planned, item.version)) {
            return moved(request_.from_key);
        }
        read_ = without_key(item);
        return {};
    }
    Status write(BytesView bytes) override {
        bytes_ += bytes.size();
        if (bytes_ <= hash_up_to_) {
            hasher_.update(bytes.data(), bytes.size());
        }
        return pipe_.write(bytes);
    }
    void take(Transferred& into) {
        into.read = std::move(read_);
        into.bytes = bytes_;
        if (bytes_ <= hash_up_to_) {
            into.hash = hasher_.digest();
        }
    }

private:
    const TransferRequest& request_;
    BodyPipe& pipe_;
    std::uint64_t hash_up_to_;
    std::uint64_t bytes_ = 0;
    ContentHasher hasher_;
    Item read_;
};

class PipeReader : public BodyReader {
public:
    PipeReader(BodyPipe& pipe, std::uint64_t size, RunProgress& progress)
        : pipe_(pipe), size_(size), progress_(progress) {}
    std::uint64_t size() const override { return size_; }
    Result<std::size_t> read(char* buffer, std::size_t capacity) override {
        Result<std::size_t> got = pipe_.read(buffer, capacity);
        if (got.ok()) {
            progress_.bytes_done(*got);
        }
        return got;
    }

private:
    BodyPipe& pipe_;
    std::uint64_t size_;
    RunProgress& progress_;
};

Result<Transferred> through_pipe(const TransferRequest& request, const ExecuteOptions& options,
                                 const CallContext& call, RunProgress& progress) {
    BodyPipe pipe(kPipeBytes);
    PipeSink sink(request, pipe, options.hash_up_to);
    Status read_status;
    std::optional<Result<Item>> written;
    {
        const std::jthread reader([&] {
            read_status = request.from.get(call, get_request(request), sink);
            pipe.finish(read_status);
        });
        PipeReader body(pipe, request.planned.size, progress);
        written = request.to.put(call, put_request(request), body);
        pipe.abandon();
    }
    // When reading failed, putting did so because of it; but if putting failed first, reading was
    // merely cut off.
    if (!read_status.ok() && read_status.code() != Code::aborted) {
        return read_status;
    }
    if (!written->ok()) {
        return written->status();
    }
    SYNCLINE_TRY(read_status);
    Transferred result;
    sink.take(result);
    result.written = **std::move(written);
    return result;
}

} // namespace

Result<Transferred> transfer(const TransferRequest& request, const ExecuteOptions& options,
                             const CallContext& call, RunProgress& progress) {
    const std::uint64_t size = request.planned.size;
    if (size <= options.in_memory_up_to || request.planned.kind == ItemKind::link) {
        return through_memory(request, options.in_memory_up_to, call, progress);
    }
    if (request.from.has_local_bodies() && request.to.has_local_bodies()) {
        Result<Transferred> done = through_kernel(request, options, call, progress);
        if (done.ok() || done.code() != Code::not_supported) {
            return done;
        }
        // A side that cannot take this body by descriptor takes it as bytes.
    }
    return through_pipe(request, options, call, progress);
}

} // namespace syncline
