#include "streams.hpp"

#include <algorithm>

namespace syncline::fault {

CutItems::CutItems(const syncline_item_sink* to) : to_(to) {
    sink_.struct_size = sizeof sink_;
    sink_.impl = this;
    sink_.items = [](const syncline_item_sink* sink, const syncline_item* first,
                     std::uint64_t count, std::uint64_t stride) noexcept -> syncline_status {
        auto& self = *static_cast<CutItems*>(sink->impl);
        if (!self.cut_ && count > 1) {
            const syncline_status status = self.to_->items(self.to_, first, count / 2, stride);
            if (status < 0) {
                return status;
            }
        }
        self.cut_ = true;
        return SYNCLINE_E_ABORTED;
    };
    sink_.next = [](const syncline_item_sink* sink, syncline_bytes) noexcept -> syncline_status {
        static_cast<CutItems*>(sink->impl)->cut_ = true;
        return SYNCLINE_E_ABORTED;
    };
}

CutBody::CutBody(const syncline_get_sink* to, const sdk::GetRequest& request)
    : to_(to), offset_(request.offset), length_(request.length) {
    sink_.struct_size = sizeof sink_;
    sink_.impl = this;
    sink_.begin = [](const syncline_get_sink* sink,
                     const syncline_item* item) noexcept -> syncline_status {
        auto& self = *static_cast<CutBody*>(sink->impl);
        if (item != nullptr && (item->fields & SYNCLINE_ITEM_SIZE) != 0) {
            self.left_ =
                std::min(item->size - std::min(item->size, self.offset_), self.length_) / 2;
        }
        return self.to_->begin(self.to_, item);
    };
    sink_.write = [](const syncline_get_sink* sink, const void* data,
                     std::uint64_t size) noexcept -> syncline_status {
        auto& self = *static_cast<CutBody*>(sink->impl);
        const std::uint64_t part = std::min(size, self.left_);
        if (part > 0) {
            const syncline_status status = self.to_->write(self.to_, data, part);
            if (status < 0) {
                return status;
            }
            self.left_ -= part;
        }
        if (part == size) {
            return SYNCLINE_OK;
        }
        self.cut_ = true;
        return SYNCLINE_E_ABORTED;
    };
}

CutReader::CutReader(const syncline_reader* from, syncline_status status)
    : from_(from), status_(status) {
    reader_.struct_size = sizeof reader_;
    reader_.impl = this;
    reader_.size = from->size;
    left_ = from->size == SYNCLINE_SIZE_UNKNOWN ? 0 : from->size / 2;
    reader_.read = [](const syncline_reader* reader, void* buffer,
                      std::uint64_t capacity) noexcept -> std::int64_t {
        auto& self = *static_cast<CutReader*>(reader->impl);
        if (self.left_ == 0) {
            self.cut_ = true;
            return self.status_;
        }
        const std::int64_t got =
            self.from_->read(self.from_, buffer, std::min(capacity, self.left_));
        self.left_ -= got > 0 ? static_cast<std::uint64_t>(got) : 0;
        return got;
    };
    reader_.rewind = [](const syncline_reader*) noexcept -> syncline_status {
        return SYNCLINE_E_NOT_SUPPORTED;
    };
    reader_.read_at = [](const syncline_reader*, std::uint64_t, void*,
                         std::uint64_t) noexcept -> std::int64_t {
        return SYNCLINE_E_NOT_SUPPORTED;
    };
}

} // namespace syncline::fault
