#include "endpoint/spill_sort.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace syncline {

namespace {

// The fixed part of an encoded item; the bytes of its fields follow in this order.
struct Header {
    std::uint32_t key, version, hash, meta, id;
    std::uint16_t hash_algo;
    std::uint8_t kind;
    std::uint8_t flags;
    std::uint64_t size;
    std::int64_t mtime_ns;
    std::size_t body() const { return std::size_t{key} + version + hash + meta + id; }
};

Header header_at(const char* bytes) {
    Header header;
    std::memcpy(&header, bytes, sizeof header);
    return header;
}

BytesView key_at(const char* bytes) { return {bytes + sizeof(Header), header_at(bytes).key}; }

void encode(const ItemView& item, Bytes& out) {
    const auto size = [](BytesView bytes) { return static_cast<std::uint32_t>(bytes.size()); };
    Header header{size(item.key),
                  size(item.version),
                  size(item.hash),
                  size(item.meta),
                  size(item.id),
                  static_cast<std::uint16_t>(item.hash_algo),
                  static_cast<std::uint8_t>(item.kind),
                  static_cast<std::uint8_t>((item.unreadable ? 1 : 0) | (item.unsettled ? 2 : 0) |
                                            (item.losses << 2)),
                  item.size,
                  item.mtime_ns};
    char raw[sizeof header];
    std::memcpy(raw, &header, sizeof header);
    out.append(raw, sizeof raw);
    for (const BytesView bytes : {item.key, item.version, item.hash, item.meta, item.id}) {
        out.append(bytes);
    }
}

void decode(const char* bytes, ItemView& item) {
    const Header header = header_at(bytes);
    const char* at = bytes + sizeof header;
    const auto take = [&at](std::uint32_t size) {
        const BytesView view(at, size);
        at += size;
        return view;
    };
    item.key = take(header.key);
    item.version = take(header.version);
    item.hash = take(header.hash);
    item.meta = take(header.meta);
    item.id = take(header.id);
    item.hash_algo = static_cast<HashAlgo>(header.hash_algo);
    item.kind = static_cast<ItemKind>(header.kind);
    item.unreadable = (header.flags & 1U) != 0;
    item.unsettled = (header.flags & 2U) != 0;
    item.losses = static_cast<std::uint8_t>(header.flags >> 2U);
    item.size = header.size;
    item.mtime_ns = header.mtime_ns;
}

Status spill_error(const char* what, const std::filesystem::path& where) {
    const int error = errno;
    return Status(error == ENOSPC || error == EDQUOT ? Code::quota_exceeded : Code::io,
                  std::string(what) + " the file that sorts a listing in '" + where.string() +
                      "': " + std::strerror(error));
}

constexpr std::size_t kReadAhead = std::size_t{64} << 10U;

} // namespace

// A sorted run in the file and the part of it that is in memory.
struct SpillSort::Run {
    std::uint64_t at = 0;  // next byte to read from the file
    std::uint64_t end = 0; // end of the run in the file
    std::size_t order = 0; // later runs were said later
    Bytes window;
    std::size_t cursor = 0;

    bool has_item() const {
        if (window.size() - cursor < sizeof(Header)) {
            return false;
        }
        return window.size() - cursor >= sizeof(Header) + header_at(window.data() + cursor).body();
    }
    BytesView key() const { return key_at(window.data() + cursor); }
    void advance() { cursor += sizeof(Header) + header_at(window.data() + cursor).body(); }
};

SpillSort::SpillSort(std::filesystem::path directory, std::size_t memory_limit)
    : directory_(std::move(directory)), memory_limit_(memory_limit) {}

SpillSort::~SpillSort() {
    if (file_ >= 0) {
        ::close(file_);
    }
}

Status SpillSort::add(const ItemView& item) {
    if (buffer_.size() + starts_.size() * sizeof(std::uint32_t) >= memory_limit_) {
        SYNCLINE_TRY(spill());
    }
    starts_.push_back(static_cast<std::uint32_t>(buffer_.size()));
    encode(item, buffer_);
    return {};
}

Status SpillSort::spill() {
    if (starts_.empty()) {
        return {};
    }
    if (file_ < 0) {
        std::string name = (directory_ / "spill-XXXXXX").string();
        file_ = ::mkostemp(name.data(), O_CLOEXEC);
        if (file_ < 0) {
            return spill_error("cannot create", directory_);
        }
        ::unlink(name.c_str());
    }
    // Stable: of equal keys the one said last stays last.
    std::stable_sort(starts_.begin(), starts_.end(), [this](std::uint32_t a, std::uint32_t b) {
        return key_at(buffer_.data() + a) < key_at(buffer_.data() + b);
    });
    auto run = std::make_unique<Run>();
    run->at = file_size_;
    run->order = runs_.size();
    Bytes out;
    const auto flush = [&]() -> Status {
        std::size_t done = 0;
        while (done < out.size()) {
            const ssize_t wrote = ::pwrite(file_, out.data() + done, out.size() - done,
                                           static_cast<off_t>(file_size_));
            if (wrote < 0 && errno == EINTR) {
                continue;
            }
            if (wrote <= 0) {
                return spill_error("cannot write", directory_);
            }
            done += static_cast<std::size_t>(wrote);
            file_size_ += static_cast<std::uint64_t>(wrote);
        }
        out.clear();
        return {};
    };
    for (const std::uint32_t start : starts_) {
        const char* bytes = buffer_.data() + start;
        out.append(bytes, sizeof(Header) + header_at(bytes).body());
        if (out.size() >= kReadAhead) {
            SYNCLINE_TRY(flush());
        }
    }
    SYNCLINE_TRY(flush());
    run->end = file_size_;
    runs_.push_back(std::move(run));
    buffer_.clear();
    starts_.clear();
    return {};
}

Status SpillSort::refill(Run& run) {
    while (!run.has_item() && run.at < run.end) {
        run.window.erase(0, run.cursor);
        run.cursor = 0;
        const std::size_t kept = run.window.size();
        const auto want =
            static_cast<std::size_t>(std::min<std::uint64_t>(kReadAhead, run.end - run.at));
        run.window.resize(kept + want);
        const ssize_t got =
            ::pread(file_, run.window.data() + kept, want, static_cast<off_t>(run.at));
        if (got < 0 && errno == EINTR) {
            run.window.resize(kept);
            continue;
        }
        if (got <= 0) {
            return spill_error("cannot read", directory_);
        }
        run.window.resize(kept + static_cast<std::size_t>(got));
        run.at += static_cast<std::uint64_t>(got);
    }
    return {};
}

Status SpillSort::finish_adding() {
    SYNCLINE_TRY(spill());
    buffer_ = {};
    starts_ = {};
    for (const std::unique_ptr<Run>& run : runs_) {
        SYNCLINE_TRY(refill(*run));
        if (run->has_item()) {
            heap_.push_back(run.get());
        }
    }
    return {};
}

Result<bool> SpillSort::next(ItemView& item) {
    if (heap_.empty()) {
        return false;
    }
    // Few runs (one for every few megabytes), so a linear look beats a heap's bookkeeping. Of equal
    // keys the latest run, and within a run the last, wins.
    Run* best = nullptr;
    for (Run* run : heap_) {
        if (best == nullptr || run->key() <= best->key()) {
            best = run;
        }
    }
    const Bytes key(best->key());
    for (std::size_t i = 0; i < heap_.size();) {
        Run& run = *heap_[i];
        bool ended = false;
        while (!ended && run.key() == key) {
            if (&run == best) {
                const char* bytes = run.window.data() + run.cursor;
                current_.assign(bytes, sizeof(Header) + header_at(bytes).body());
            }
            run.advance();
            if (!run.has_item()) {
                SYNCLINE_TRY(refill(run));
                ended = !run.has_item();
            }
        }
        if (ended) {
            heap_.erase(heap_.begin() + static_cast<std::ptrdiff_t>(i));
        } else {
            ++i;
        }
    }
    decode(current_.data(), item);
    return true;
}

} // namespace syncline
