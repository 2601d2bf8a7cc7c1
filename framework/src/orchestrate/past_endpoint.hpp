// A side as it was before a run, as far as the run changed it: what the journal says, with contents
// from the archive. The executor copies from it as from any endpoint. It cannot be written.
#pragma once

#include "syncline/endpoint/endpoint.hpp"
#include "syncline/state/archive_store.hpp"
#include "syncline/state/journal_store.hpp"

#include <string>

namespace syncline {

class PastEndpoint final : public Endpoint {
public:
    PastEndpoint(JournalStore& journal, ArchiveStore& archive, std::int64_t run, Side side);

    const ConnectorInfo& info() const override { return info_; }
    const std::string& location() const override { return location_; }
    Result<std::unique_ptr<ItemStream>> list(const CallContext& call) override;
    Result<Item> stat(const CallContext& call, BytesView key) override;
    Status get(const CallContext& call, const GetRequest& request, BodySink& sink) override;
    bool has_local_bodies() const override { return true; }
    Result<LocalBody> open_body(const CallContext& call, const GetRequest& request) override;
    Result<Item> put(const CallContext& call, const PutRequest& request, BodyReader& body) override;
    Result<Item> put_fd(const CallContext& call, const PutRequest& request, int fd) override;
    Status remove(const CallContext& call, const RemoveRequest& request) override;
    bool can_set_meta() const override { return false; }
    Result<Item> set_meta(const CallContext& call, const PutRequest& request) override;
    bool can_rename() const override { return false; }
    Result<Item> rename(const CallContext& call, const RenameRequest& request) override;
    Status flush(const CallContext& call) override;
    GuardStats guard_stats() override { return {}; }

private:
    struct Past {
        Item item;
        std::unique_ptr<ArchivedBody> body;
    };
    Result<Past> open(const CallContext& call, BytesView key);
    Status not_writable() const;

    JournalStore& journal_;
    ArchiveStore& archive_;
    const std::int64_t run_;
    const Side side_;
    ConnectorInfo info_;
    std::string location_;
};

// As it was, without the tokens that only meant something then.
Item past_item(const Item& before);

} // namespace syncline
