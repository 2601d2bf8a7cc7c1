#pragma once

#include "state/files.hpp"
#include "state/sqlite.hpp"
#include "syncline/core/clock.hpp"
#include "syncline/state/archive_store.hpp"

#include <mutex>
#include <optional>
#include <vector>

namespace syncline::state {

// Contents are files `archive/<2 hex digits>/<62 hex digits>`; the state file's table `archived`
// says which of them count. A content on its way in is a file of `archive/incoming`, first under a
// temporary name, then under its digest and a number: it is made durable there, then entered into
// the table, then moved to its place. So whatever a crash leaves is in `incoming`, where the next
// user finds it: in the table or of no use.
//
// While a process has something in `incoming` it holds `archive/lock` shared; who tidies up there
// holds it alone.
class FileArchiveStore final : public ArchiveStore {
public:
    FileArchiveStore(std::filesystem::path state_file, std::filesystem::path directory,
                     std::int64_t sync, const Clock& clock)
        : state_file_(std::move(state_file)), directory_(std::move(directory)), sync_(sync),
          clock_(clock) {}

    void set_limits(const ArchiveLimits& limits) override;
    Result<std::unique_ptr<ArchiveWriter>> put(std::uint64_t size) override;
    Result<ArchivedContent> put_file(int fd, std::uint64_t size,
                                     const std::stop_token& stop) override;
    Status make_durable() override;
    Result<std::unique_ptr<ArchivedBody>> get(BytesView digest,
                                              const std::stop_token& stop) override;
    Result<bool> has(BytesView digest) override;
    Result<bool> touch(BytesView digest) override;
    Result<std::optional<ArchivedContent>> find(BytesView content_hash) override;
    Status pin(BytesView name, BytesView digest) override;
    Status unpin(BytesView name) override;
    Result<std::optional<Bytes>> pinned(BytesView name) override;
    Status prune() override;
    Result<ArchiveUsage> usage() override;

private:
    class Incoming;
    class Writer;
    struct Pending {
        ArchivedContent content;
        std::filesystem::path file;
    };

    Status open();          // with the lock; cheap when it is open
    Status tidy_incoming(); // with the lock
    Status begin_incoming();
    void end_incoming();
    Result<std::unique_ptr<Incoming>> new_incoming(std::uint64_t size);
    Result<ArchivedContent> accept(Incoming& incoming, ArchivedContent content);
    Status sync_pending(const std::vector<Pending>& pending);
    Status enter(const std::vector<Pending>& pending);
    Status move_to_place(const std::filesystem::path& file, BytesView digest) const;
    // Drops contents last used before `used_before`, oldest first, until `bytes` are free.
    Result<std::uint64_t> drop(std::int64_t used_before, std::uint64_t bytes);
    std::filesystem::path path_of(BytesView digest) const;
    Status too_large(std::uint64_t size) const;

    const std::filesystem::path state_file_;
    const std::filesystem::path directory_;
    const std::int64_t sync_;
    const Clock& clock_;

    std::mutex mutex_; // guards everything below
    ArchiveLimits limits_;
    std::optional<sqlite::Database> database_;
    FileDescriptor lock_;
    std::int64_t opened_wall_ns_ = 0;
    std::uint64_t total_bytes_ = 0; // as far as this process knows
    std::uint64_t next_name_ = 0;
    std::size_t incoming_ = 0; // files of this process in `incoming`
    bool has_durable_place_ = false;
    std::vector<Pending> pending_;
};

} // namespace syncline::state
