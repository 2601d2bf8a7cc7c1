#include "recent_directories.hpp"

namespace syncline::fs {

bool RecentDirectories::take(std::string_view path, Directory& out) {
    const std::int64_t now = now_mono_ns_();
    const std::lock_guard<std::mutex> guard(mutex_);
    for (Slot& slot : slots_) {
        if (!slot.directory.fd.valid() || slot.path != path) {
            continue;
        }
        out = std::move(slot.directory);
        if (now - out.found_ns < kMomentNs) {
            return true;
        }
        out.fd.reset();
    }
    out.found_ns = now;
    out.epoch = epoch_;
    return false;
}

void RecentDirectories::give_back(std::string_view path, Directory directory) {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (directory.epoch != epoch_) {
        return;
    }
    Slot& slot = slots_[next_++ % slots_.size()];
    slot.path.assign(path);
    slot.directory = std::move(directory);
}

void RecentDirectories::forget() {
    const std::lock_guard<std::mutex> guard(mutex_);
    ++epoch_;
    for (Slot& slot : slots_) {
        slot.directory.fd.reset();
    }
}

} // namespace syncline::fs
