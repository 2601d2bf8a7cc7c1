// Temporary names that a writer which died left behind, and the locks that say that it did not die.
//
// A temporary regular file is flock()ed by its writer. A name is moreover only ever put in place of
// another while the writer holds an exclusive lock on the directory: at that moment the temporary
// name may belong to the displaced file, which is locked by nobody. A leftover is removed only by
// who holds both locks. Locks belong to open file descriptions, so all of this holds between
// threads and between processes alike, and death releases them.
#pragma once

#include "posix.hpp"

#include <string>

namespace syncline::fs {

class Root;

// Exclusive lock on a directory, for the few microseconds in which names change.
class DirectoryLock {
public:
    DirectoryLock() = default;
    ~DirectoryLock();
    DirectoryLock(const DirectoryLock&) = delete;
    DirectoryLock& operator=(const DirectoryLock&) = delete;

    // LOCKED if somebody else keeps it for seconds. Where directories cannot be locked at all this
    // does nothing; so does a second take.
    Status take(int directory, const syncline_call* call, std::string_view key);
    bool try_take(int directory);

private:
    int directory_ = -1; // locked
    Fd own_;             // opened for locking, where the caller's descriptor is O_PATH
};

std::string make_temp_name();

// Removes `name` if its writer is gone.
void remove_leftover(int directory, const char* name);

// Removes what writers left in `directory`; true if that was anything.
bool sweep_leftovers(int directory);

} // namespace syncline::fs
