// A configured connector behind its limits: all that planning and execution ever see of a plugin.
// Every call goes through the endpoint's guard (rate limit, circuit breaker, retries, deadlines)
// and within the number of calls that the connector lets overlap. A body or a listing that breaks
// off is taken up again where it broke off, if the connector can. The listing becomes one checked,
// ordered stream, through a spill file where the connector cannot list in order.
//
// The interface is cut by concern: planning needs ItemLister and ItemReader, execution ItemReader
// and ItemWriter.
//
// Threads: any, except that an ItemStream belongs to one thread.
#pragma once

#include "syncline/core/call.hpp"
#include "syncline/core/item.hpp"
#include "syncline/core/status.hpp"
#include "syncline/plugin/connector.hpp"
#include "syncline/progress/run_progress.hpp"
#include "syncline/resilience/call_guard.hpp"
#include "syncline/resilience/rate_limiter.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace syncline {

class ItemStream {
public:
    virtual ~ItemStream() = default;
    // The next item by strictly ascending key, or false at the end of a listing that was complete.
    // `item` borrows until the next call. Code::root_missing when the endpoint's root is gone: that
    // is never an empty listing.
    virtual Result<bool> next(ItemView& item) = 0;
};

class EndpointInfo {
public:
    virtual ~EndpointInfo() = default;
    virtual const ConnectorInfo& info() const = 0;
    virtual const std::string&
    location() const = 0; // for people and for the sync's identity; no secrets, no query
};

class ItemLister : public virtual EndpointInfo {
public:
    // The listing runs ahead of the reader in its own thread, a bounded number of pages at most.
    // `call.stop` and the stream's destruction end it.
    virtual Result<std::unique_ptr<ItemStream>> list(const CallContext& call) = 0;
};

class ItemReader : public virtual EndpointInfo {
public:
    virtual Result<Item> stat(const CallContext& call, BytesView key) = 0;
    virtual Status get(const CallContext& call, const GetRequest& request, BodySink& sink) = 0;
    virtual bool has_local_bodies() const = 0;
    virtual Result<LocalBody> open_body(const CallContext& call, const GetRequest& request) = 0;
};

class ItemWriter : public virtual EndpointInfo {
public:
    virtual Result<Item> put(const CallContext& call, const PutRequest& request,
                             BodyReader& body) = 0;
    virtual Result<Item> put_fd(const CallContext& call, const PutRequest& request, int fd) = 0;
    virtual Status remove(const CallContext& call, const RemoveRequest& request) = 0;
    virtual bool can_set_meta() const = 0;
    virtual Result<Item> set_meta(const CallContext& call, const PutRequest& request) = 0;
    virtual bool can_rename() const = 0;
    virtual Result<Item> rename(const CallContext& call, const RenameRequest& request) = 0;
    virtual Status flush(const CallContext& call) = 0;
};

// How the endpoint has been doing.
class EndpointHealth : public virtual EndpointInfo {
public:
    virtual GuardStats guard_stats() = 0;
};

class Endpoint : public ItemLister, public ItemReader, public ItemWriter, public EndpointHealth {};

struct EndpointOptions {
    std::string location;
    std::filesystem::path spill_directory;            // for connectors that cannot list in order
    std::size_t spill_memory = std::size_t{8} << 20U; // bytes sorted in memory at a time
    RunProgress* progress = nullptr;                  // may be null
    // Counts every byte of the bodies that are read; shared by the sides of a run. May be null.
    // Bodies then go through this process, where they can be counted.
    RateLimiter* bandwidth = nullptr;
    GuardOptions guard;
    std::optional<GuardStats>* unreachable = nullptr; // set if no endpoint comes of it; may be null
};

// Null without a limit. Its burst is a quarter of a second's worth, within what is sensible.
std::unique_ptr<RateLimiter> make_bandwidth(std::uint64_t bytes_per_s, const Clock& clock);

// Asks the connector for its info and checks that it can be reached. Code::root_missing if its root
// is not there.
Result<std::unique_ptr<Endpoint>> make_endpoint(std::unique_ptr<Connector> connector,
                                                EndpointOptions options, const Clock& clock,
                                                const CallContext& call);

} // namespace syncline
