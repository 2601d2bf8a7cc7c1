// Archive and journal in memory, with the semantics of the real ones and failures on demand.
#pragma once

#include "fakes/failure.hpp"
#include "syncline/core/hash.hpp"
#include "syncline/state/archive_store.hpp"
#include "syncline/state/journal_store.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <unistd.h>
#include <vector>

namespace syncline::fakes {

class FakeArchiveStore final : public ArchiveStore {
public:
    Failure failure; // counts every call
    ArchiveLimits limits;
    std::size_t durable_calls = 0;

    // As if bits had rotten on disk.
    void damage(const Bytes& digest) { contents_.at(digest) += "?"; }
    // As if the process died: what was not made durable is gone.
    void crash() {
        for (const Bytes& digest : volatile_) {
            contents_.erase(digest);
        }
        volatile_.clear();
    }

    void set_limits(const ArchiveLimits& to) override { limits = to; }
    Result<std::unique_ptr<ArchiveWriter>> put(std::uint64_t size) override {
        const std::lock_guard lock(mutex_);
        SYNCLINE_TRY(failure.next_call());
        if (size != kUnknownSize && size > limits.max_item_bytes) {
            return Status(Code::too_large, "too large for the archive");
        }
        return std::unique_ptr<ArchiveWriter>(std::make_unique<Writer>(*this));
    }
    Result<ArchivedContent> put_file(int fd, std::uint64_t size,
                                     const std::stop_token& stop) override {
        Result<std::unique_ptr<ArchiveWriter>> writer = put(size);
        if (!writer.ok()) {
            return writer.status();
        }
        char buffer[4096];
        for (off_t at = 0;;) {
            if (stop.stop_requested()) {
                return Status(Code::cancelled, "interrupted");
            }
            const ssize_t got = ::pread(fd, buffer, sizeof buffer, at);
            if (got < 0) {
                return Status(Code::io, "cannot read");
            }
            if (got == 0) {
                return (*writer)->finish();
            }
            at += got;
            SYNCLINE_TRY((*writer)->write(BytesView(buffer, static_cast<std::size_t>(got))));
        }
    }
    Status make_durable() override {
        const std::lock_guard lock(mutex_);
        SYNCLINE_TRY(failure.next_call());
        durable_calls += volatile_.empty() ? 0 : 1;
        volatile_.clear();
        return {};
    }
    Result<std::unique_ptr<ArchivedBody>> get(BytesView digest, const std::stop_token&) override {
        const std::lock_guard lock(mutex_);
        SYNCLINE_TRY(failure.next_call());
        const auto found = contents_.find(Bytes(digest));
        if (found == contents_.end()) {
            return Status(Code::not_found, "the archive no longer keeps this content");
        }
        if (sha256(found->second) != digest) {
            return Status(Code::integrity, "damaged");
        }
        return std::unique_ptr<ArchivedBody>(std::make_unique<Body>(found->second));
    }
    Result<bool> touch(BytesView digest) override { return has(digest); }
    Result<bool> has(BytesView digest) override {
        const std::lock_guard lock(mutex_);
        SYNCLINE_TRY(failure.next_call());
        return contents_.contains(Bytes(digest)) && !volatile_.contains(Bytes(digest));
    }
    Result<std::optional<ArchivedContent>> find(BytesView wanted) override {
        const std::lock_guard lock(mutex_);
        SYNCLINE_TRY(failure.next_call());
        for (const auto& [digest, content] : contents_) {
            if (content_hash(content) == wanted && !volatile_.contains(digest)) {
                return std::optional(ArchivedContent{digest, Bytes(wanted), content.size()});
            }
        }
        return std::optional<ArchivedContent>();
    }
    Status pin(BytesView name, BytesView digest) override {
        const std::lock_guard lock(mutex_);
        SYNCLINE_TRY(failure.next_call());
        if (!contents_.contains(Bytes(digest)) || volatile_.contains(Bytes(digest))) {
            return {Code::not_found, "the archive does not keep the content to pin"};
        }
        pins_[Bytes(name)] = Bytes(digest);
        return {};
    }
    Status unpin(BytesView name) override {
        const std::lock_guard lock(mutex_);
        SYNCLINE_TRY(failure.next_call());
        pins_.erase(Bytes(name));
        return {};
    }
    Result<std::optional<Bytes>> pinned(BytesView name) override {
        const std::lock_guard lock(mutex_);
        SYNCLINE_TRY(failure.next_call());
        const auto found = pins_.find(Bytes(name));
        return found != pins_.end() ? std::optional(found->second) : std::nullopt;
    }
    Status prune() override {
        const std::lock_guard lock(mutex_);
        return failure.next_call(); // it keeps everything: bounds have tests on the real one
    }
    Result<ArchiveUsage> usage() override {
        const std::lock_guard lock(mutex_);
        SYNCLINE_TRY(failure.next_call());
        ArchiveUsage usage;
        for (const auto& [digest, content] : contents_) {
            ++usage.contents;
            usage.bytes += content.size();
        }
        return usage;
    }

private:
    class Writer final : public ArchiveWriter {
    public:
        explicit Writer(FakeArchiveStore& store) : store_(store) {}
        Status write(BytesView bytes) override {
            content_.append(bytes);
            return content_.size() <= store_.limits.max_item_bytes
                       ? Status()
                       : Status(Code::too_large, "too large for the archive");
        }
        Result<ArchivedContent> finish() override {
            const std::lock_guard lock(store_.mutex_);
            ArchivedContent kept{sha256(content_), content_hash(content_), content_.size()};
            store_.contents_[kept.digest] = content_;
            store_.volatile_.insert(kept.digest);
            return kept;
        }

    private:
        FakeArchiveStore& store_;
        Bytes content_;
    };
    class Body final : public ArchivedBody {
    public:
        explicit Body(Bytes content) : content_(std::move(content)) {}
        std::uint64_t size() const override { return content_.size(); }
        Result<std::size_t> read(char* buffer, std::size_t capacity) override {
            const std::size_t n = content_.copy(buffer, capacity, at_);
            at_ += n;
            return n;
        }
        Status rewind() override {
            at_ = 0;
            return {};
        }
        int fd() const override { return -1; }

    private:
        Bytes content_;
        std::size_t at_ = 0;
    };

    std::mutex mutex_;
    std::map<Bytes, Bytes> contents_;
    std::set<Bytes> volatile_;
    std::map<Bytes, Bytes> pins_;
};

class FakeJournalStore final : public JournalStore {
public:
    Failure failure; // counts every call

    Status intend(std::int64_t run, std::span<const JournalEntry> entries) override {
        const std::lock_guard lock(mutex_);
        SYNCLINE_TRY(failure.next_call());
        for (const JournalEntry& entry : entries) {
            put(run, entry);
        }
        return {};
    }
    Status add(std::int64_t run, const JournalEntry& entry) override {
        const std::lock_guard lock(mutex_);
        SYNCLINE_TRY(failure.next_call());
        gathered_.emplace_back(run, entry);
        return {};
    }
    Status commit() override {
        const std::lock_guard lock(mutex_);
        SYNCLINE_TRY(failure.next_call());
        for (const auto& [run, entry] : gathered_) {
            put(run, entry);
        }
        gathered_.clear();
        return {};
    }
    Status set_archived(std::int64_t run, BytesView key, Side side, BytesView digest) override {
        const std::lock_guard lock(mutex_);
        SYNCLINE_TRY(failure.next_call());
        if (const auto found = runs_[run].find({Bytes(key), side}); found != runs_[run].end()) {
            found->second.archived = digest;
        }
        return {};
    }
    bool has_entries(std::int64_t run) override {
        const std::lock_guard lock(mutex_);
        return runs_.contains(run);
    }
    Result<std::optional<JournalEntry>> find(std::int64_t run, BytesView key, Side side) override {
        const std::lock_guard lock(mutex_);
        SYNCLINE_TRY(failure.next_call());
        const auto found = runs_[run].find({Bytes(key), side});
        return found != runs_[run].end() ? std::optional(found->second) : std::nullopt;
    }
    Status each(std::int64_t run, BytesView from,
                const std::function<bool(JournalEntry&&)>& visit) override {
        std::map<std::pair<Bytes, Side>, JournalEntry> entries;
        {
            const std::lock_guard lock(mutex_);
            SYNCLINE_TRY(failure.next_call());
            entries = runs_[run];
        }
        for (auto at = entries.lower_bound({Bytes(from), Side::source}); at != entries.end();
             ++at) {
            if (!visit(JournalEntry(at->second))) {
                break;
            }
        }
        return {};
    }
    Status each_run(const std::function<bool(std::int64_t run)>& visit) override {
        std::vector<std::int64_t> runs;
        {
            const std::lock_guard lock(mutex_);
            SYNCLINE_TRY(failure.next_call());
            for (auto at = runs_.rbegin(); at != runs_.rend(); ++at) {
                if (!at->second.empty()) {
                    runs.push_back(at->first);
                }
            }
        }
        for (const std::int64_t run : runs) {
            if (!visit(run)) {
                break;
            }
        }
        return {};
    }
    Status prune(const JournalLimits&, std::int64_t) override {
        const std::lock_guard lock(mutex_);
        return failure.next_call(); // it keeps everything: bounds have tests on the real one
    }

private:
    void put(std::int64_t run, const JournalEntry& entry) {
        if (entry.action == Action::skip) {
            runs_[run].erase({entry.key, entry.side});
            return;
        }
        const auto [at, is_new] = runs_[run].try_emplace({entry.key, entry.side}, entry);
        if (!is_new) {
            at->second.action = entry.action;
            at->second.is_done = entry.is_done;
            at->second.after = entry.after;
        }
    }

    std::mutex mutex_;
    std::map<std::int64_t, std::map<std::pair<Bytes, Side>, JournalEntry>> runs_;
    std::vector<std::pair<std::int64_t, JournalEntry>> gathered_;
};

} // namespace syncline::fakes
