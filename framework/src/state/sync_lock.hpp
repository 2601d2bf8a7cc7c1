#pragma once

#include "syncline/state/state.hpp"

namespace syncline::state {

// `file` stays when the lock is released: removing it would let two holders lock two files of one
// name.
Result<std::unique_ptr<SyncLock>> acquire_sync_lock(const std::filesystem::path& file,
                                                    const std::string& sync_name);

} // namespace syncline::state
