#include "plugin/abi_streams.hpp"

#include <algorithm>
#include <string>

namespace syncline::plugin {

PageSink::PageSink(ItemSink& sink, ItemReader& reader, std::uint32_t max_items,
                   const Origin& origin)
    : Stream(origin), abi_{}, sink_(sink), reader_(reader),
      left_(max_items == UINT32_MAX ? UINT64_MAX : max_items) {
    abi_.struct_size = sizeof abi_;
    abi_.impl = this;
    abi_.items = [](const syncline_item_sink* sink_abi, const syncline_item* first,
                    std::uint64_t count, std::uint64_t stride) noexcept -> syncline_status {
        return guarded<PageSink>(sink_abi->impl, [&](PageSink& self) -> syncline_status {
            if (self.ended_) {
                return self.refuse("gave items after the cursor of the next page");
            }
            if (count == 0) {
                return self.stopped_ ? SYNCLINE_STOP : SYNCLINE_OK;
            }
            if (self.stopped_) {
                return self.refuse("gave items after it was told to end the page");
            }
            if (count > self.left_) {
                return self.refuse("gave more items than the page may have");
            }
            if (Status wrong = self.reader_.read(first, count, stride, self.origin());
                !wrong.ok()) {
                return self.fail(std::move(wrong));
            }
            self.left_ -= self.left_ == UINT64_MAX ? 0 : count;
            const Result<Flow> flow = self.sink_.items(self.reader_.items());
            if (!flow.ok()) {
                return self.fail(flow.status());
            }
            self.stopped_ = *flow == Flow::stop;
            return self.stopped_ ? SYNCLINE_STOP : SYNCLINE_OK;
        });
    };
    abi_.next = [](const syncline_item_sink* sink_abi,
                   syncline_bytes cursor) noexcept -> syncline_status {
        return guarded<PageSink>(sink_abi->impl, [&](PageSink& self) -> syncline_status {
            if (self.ended_) {
                return self.refuse("gave two cursors for the next page");
            }
            // An empty one would look like the end of the listing, and what is not listed counts as
            // deleted.
            if (!valid(cursor) || cursor.size == 0) {
                return self.refuse("gave an empty cursor for the next page");
            }
            if (cursor.size > kMaxCursor) {
                return self.refuse("gave a cursor of more than 16 KiB");
            }
            self.ended_ = true;
            self.cursor_ = Bytes(view_of(cursor));
            return SYNCLINE_OK;
        });
    };
}

OneItemSink::OneItemSink(const Origin& origin) : Stream(origin), abi_{} {
    abi_.struct_size = sizeof abi_;
    abi_.impl = this;
    abi_.items = [](const syncline_item_sink* sink_abi, const syncline_item* first,
                    std::uint64_t count, std::uint64_t stride) noexcept -> syncline_status {
        return guarded<OneItemSink>(sink_abi->impl, [&](OneItemSink& self) -> syncline_status {
            if (count == 0) {
                return SYNCLINE_OK;
            }
            if (self.item_ || count > 1) {
                return self.refuse("gave more than one item");
            }
            // The same for all calls of this thread, so that it does not allocate each time.
            static thread_local ItemReader reader;
            if (Status wrong = reader.read(first, count, stride, self.origin()); !wrong.ok()) {
                return self.fail(std::move(wrong));
            }
            self.item_ = to_item(reader.items().front());
            return SYNCLINE_OK;
        });
    };
    abi_.next = [](const syncline_item_sink* sink_abi, syncline_bytes) noexcept -> syncline_status {
        return guarded<OneItemSink>(sink_abi->impl, [](OneItemSink& self) -> syncline_status {
            return self.refuse("gave a cursor where one item was asked for");
        });
    };
}

Result<Item> OneItemSink::take() {
    if (!item_) {
        return protocol_error(origin(), "succeeded without giving the item");
    }
    return *std::move(item_);
}

GetSink::GetSink(BodySink& sink, const GetRequest& request, const Origin& origin)
    : Stream(origin), abi_{}, sink_(sink), request_(request) {
    abi_.struct_size = sizeof abi_;
    abi_.impl = this;
    abi_.begin = [](const syncline_get_sink* sink_abi,
                    const syncline_item* item) noexcept -> syncline_status {
        return guarded<GetSink>(sink_abi->impl, [&](GetSink& self) -> syncline_status {
            if (self.begun_) {
                return self.refuse("began a body twice");
            }
            if (Status wrong = self.reader_.read(item, 1, sizeof(syncline_item), self.origin());
                !wrong.ok()) {
                return self.fail(std::move(wrong));
            }
            self.begun_ = true;
            const ItemView view = self.reader_.items().front();
            if (view.size != kUnknownSize) {
                self.expected_ = std::min(view.size - std::min(view.size, self.request_.offset),
                                          self.request_.length);
            }
            if (Status status = self.sink_.begin(view); !status.ok()) {
                return self.fail(std::move(status));
            }
            return SYNCLINE_OK;
        });
    };
    abi_.write = [](const syncline_get_sink* sink_abi, const void* data,
                    std::uint64_t size) noexcept -> syncline_status {
        return guarded<GetSink>(sink_abi->impl, [&](GetSink& self) -> syncline_status {
            if (!self.begun_) {
                return self.refuse("wrote bytes before it began the body");
            }
            if (size == 0) {
                return SYNCLINE_OK;
            }
            if (data == nullptr) {
                return self.refuse("wrote NULL with a size");
            }
            if (self.expected_ != kUnknownSize && size > self.expected_ - self.written_) {
                return self.fail(Status(Code::integrity, "the body is longer than the " +
                                                             std::to_string(self.expected_) +
                                                             " bytes announced by " +
                                                             std::string(self.origin().plugin_id)));
            }
            self.written_ += size;
            if (Status status = self.sink_.write(
                    {static_cast<const char*>(data), static_cast<std::size_t>(size)});
                !status.ok()) {
                return self.fail(std::move(status));
            }
            return SYNCLINE_OK;
        });
    };
}

Status GetSink::complete() const {
    if (!begun_) {
        return protocol_error(origin(), "succeeded without beginning the body");
    }
    if (expected_ != kUnknownSize && written_ != expected_) {
        return Status(Code::integrity, std::string(origin().plugin_id) + " delivered " +
                                           std::to_string(written_) + " of " +
                                           std::to_string(expected_) + " bytes");
    }
    return {};
}

PutReader::PutReader(BodyReader& body, const Origin& origin) : Stream(origin), abi_{}, body_(body) {
    abi_.struct_size = sizeof abi_;
    abi_.flags = body.rewindable() ? SYNCLINE_READER_REWINDABLE : 0;
    abi_.impl = this;
    abi_.size = body.size();
    static_assert(kUnknownSize == SYNCLINE_SIZE_UNKNOWN);
    abi_.read = [](const syncline_reader* reader, void* buffer,
                   std::uint64_t capacity) noexcept -> std::int64_t {
        return guarded<PutReader>(reader->impl, [&](PutReader& self) -> std::int64_t {
            if (buffer == nullptr && capacity != 0) {
                return self.refuse("read the body into NULL");
            }
            const Result<std::size_t> got =
                self.body_.read(static_cast<char*>(buffer), static_cast<std::size_t>(capacity));
            if (!got.ok()) {
                return self.fail(got.status());
            }
            return static_cast<std::int64_t>(*got);
        });
    };
    abi_.rewind = [](const syncline_reader* reader) noexcept -> syncline_status {
        return guarded<PutReader>(reader->impl, [](PutReader& self) -> syncline_status {
            if (!self.body_.rewindable()) {
                return SYNCLINE_E_NOT_SUPPORTED;
            }
            if (Status status = self.body_.rewind(); !status.ok()) {
                return self.fail(std::move(status));
            }
            return SYNCLINE_OK;
        });
    };
    abi_.read_at = [](const syncline_reader*, std::uint64_t, void*,
                      std::uint64_t) noexcept -> std::int64_t { return SYNCLINE_E_NOT_SUPPORTED; };
}

} // namespace syncline::plugin
