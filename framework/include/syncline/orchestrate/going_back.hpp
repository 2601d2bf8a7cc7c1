// Looking back and going back: what runs did, undoing one, getting one item's old content.
//
// An undo is a run of its own. It makes a plan that turns what the run wrote back into what was
// there before, and carries it out as any plan is: an item that somebody has changed since is left
// alone, what is overwritten or removed goes into the archive, and it can be undone itself. It
// writes only the sides that the run wrote, and leaves the base alone: to the next sync it is an
// edit, which travels to the other side.
//
// Threads: each call runs in its caller's thread and uses the pool inside.
#pragma once

#include "syncline/orchestrate/sync_run.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace syncline {

// Which sync: its two sides as a person writes them, and where its state is.
struct SyncPlace {
    std::string source;
    std::string target;
    std::filesystem::path state_directory;
};

// The sync that is meant where nobody names its sides: the one that a run is of, or the only one
// that ever ran. Code::not_found if there is none, Code::invalid_argument, with their names, if
// there are several.
Status find_place(const std::filesystem::path& state_directory, std::optional<std::int64_t> of_run,
                  const Clock& clock, SyncPlace& into);

// What is known of a sync, for reading.
class History {
public:
    virtual ~History() = default;
    virtual const std::string& source() const = 0; // for people
    virtual const std::string& target() const = 0;
    virtual RunStore& runs() = 0;
    virtual JournalStore& journal() = 0;
    virtual ArchiveStore& archive() = 0;
};

// Code::not_found when the state directory knows no such sync; nothing is created then.
Result<std::unique_ptr<History>> open_history(const PluginRegistry& plugins, const SyncPlace& place,
                                              const Clock& clock);

struct UndoSpec {
    SyncPlace place;
    std::int64_t run = 0;
    bool force_deletions = false;
    bool force_identity = false;
    std::size_t workers = 2;
    GuardOptions guard;
};

// `control.show` sees every operation, those left alone with the reason.
SyncReport undo_run(const RunServices& services, const UndoSpec& spec, const RunControl& control);

struct RestoreSpec {
    SyncPlace place;
    Bytes key;                       // one that ends in '/': the directory with all that is below
    std::optional<std::int64_t> run; // none: the last that overwrote or deleted it
    std::optional<Side> side;        // none: the one that the run wrote
    std::size_t workers = 2;
    GuardOptions guard;
};

// Puts what a run overwrote or deleted back in its place on that side. What is there now goes into
// the archive.
SyncReport restore_item(const RunServices& services, const RestoreSpec& spec,
                        const RunControl& control);

struct RestoredFile {
    std::int64_t run = 0;
    Side side = Side::target;
    std::uint64_t size = 0;
};

// Writes it to a new file instead; neither side is touched or needs to be there.
Result<RestoredFile> restore_to_file(const PluginRegistry& plugins, const RestoreSpec& spec,
                                     const std::filesystem::path& file, const Clock& clock,
                                     const std::stop_token& stop);

} // namespace syncline
