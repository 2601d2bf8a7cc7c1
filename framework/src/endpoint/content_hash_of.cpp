#include "syncline/endpoint/content_hash_of.hpp"

#include "syncline/core/hash.hpp"

namespace syncline {

namespace {

class HashingSink : public BodySink {
public:
    Status begin(const ItemView& item) override {
        item_ = to_item(item);
        hasher_.reset();
        return {};
    }
    Status write(BytesView bytes) override {
        hasher_.update(bytes.data(), bytes.size());
        return {};
    }
    HashedItem take() { return {hasher_.digest(), std::move(item_)}; }

private:
    ContentHasher hasher_;
    Item item_;
};

} // namespace

Result<HashedItem> hash_item(ItemReader& side, const CallContext& call, BytesView key) {
    constexpr int kAttempts = 3;
    for (int attempt = 1;; ++attempt) {
        HashingSink sink;
        GetRequest request;
        request.key = key;
        const Status status = side.get(call, request, sink);
        if (status.ok()) {
            return sink.take();
        }
        if (status.code() != Code::conflict || attempt == kAttempts) {
            return status;
        }
    }
}

} // namespace syncline
