// One configured directory: what the connector does, still without the plugin interface around it.
//
// The root is opened on first use, and looked at again by info, check and list: a directory that
// was replaced, or a disk that was mounted over it, is noticed at the start of each run. Calls in
// flight keep the root they began with. All operations may overlap.
#pragma once

#include "root.hpp"

#include <syncline/sdk/connector.hpp>

#include <memory>
#include <mutex>
#include <string>

namespace syncline::fs {

class Endpoint {
public:
    static constexpr std::uint32_t kMaxConcurrency = 64;

    explicit Endpoint(Settings settings) : settings_(std::move(settings)) {}

    Status info(sdk::Info& out);
    Status check();
    Status list(const syncline_call* call, const syncline_list_req& req,
                const syncline_item_sink& sink);
    Status stat(const syncline_call* call, std::string_view key, const syncline_item_sink& sink);
    Status get(const syncline_call* call, const syncline_get_req& req,
               const syncline_get_sink& sink);
    Status put(const syncline_call* call, const syncline_put_req& req,
               const syncline_reader* reader, const syncline_item_sink& sink);
    Status remove(const syncline_call* call, const syncline_remove_req& req);
    Status flush(const syncline_call* call);
    Status rename(const syncline_call* call, const syncline_rename_req& req,
                  const syncline_item_sink& sink);
    Status set_meta(const syncline_call* call, const syncline_put_req& req,
                    const syncline_item_sink& sink);
    Status open_body(const syncline_call* call, const syncline_get_req& req,
                     const syncline_item_sink& sink, std::int32_t& fd);
    Status put_fd(const syncline_call* call, const syncline_put_req& req, std::int32_t fd,
                  const syncline_item_sink& sink);

    // Capabilities of any instance on any file system.
    static constexpr std::uint64_t kCapsMax =
        SYNCLINE_CAP_LIST_ORDERED | SYNCLINE_CAP_LIST_PREFIX | SYNCLINE_CAP_COND_PUT_VERSION |
        SYNCLINE_CAP_COND_PUT_ABSENT | SYNCLINE_CAP_COND_REMOVE | SYNCLINE_CAP_COND_EMULATED |
        SYNCLINE_CAP_GET_RANGE | SYNCLINE_CAP_GET_IF_VERSION | SYNCLINE_CAP_VERSION_STRONG |
        SYNCLINE_CAP_MTIME_SET | SYNCLINE_CAP_META_SET | SYNCLINE_CAP_ATOMIC_PUT |
        SYNCLINE_CAP_CONCURRENT | SYNCLINE_CAP_PUT_UNKNOWN_SIZE | SYNCLINE_CAP_READ_ONLY |
        SYNCLINE_CAP_EMPTY_CONTAINERS | SYNCLINE_CAP_CHEAP_STAT;

private:
    Status current(std::shared_ptr<const Root>& out);
    enum class Look { quick, thorough }; // quick: every listing page affords it
    Status refreshed(Look depth, std::shared_ptr<const Root>& out);

    const Settings settings_;
    std::mutex mutex_;
    std::shared_ptr<const Root> root_; // guarded by mutex_
};

} // namespace syncline::fs
