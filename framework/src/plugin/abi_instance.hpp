// One configured instance of a plugin: created, configured once, and destroyed with this object.
// The wrappers of the plugin kinds make their calls through it.
//
// Threads: what the wrapped kind says; construction and destruction alone.
#pragma once

#include "plugin/call.hpp"
#include "plugin/host_services.hpp"
#include "plugin/library_loader.hpp"
#include "plugin/status_of.hpp"
#include "syncline/core/status.hpp"

#include <syncline/abi/entry.h>

#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace syncline::plugin {

class Instance {
public:
    // `inner`: what a wrapper wraps, else null; outlives the instance.
    static Result<std::unique_ptr<Instance>> make(std::shared_ptr<const Library> library,
                                                  const Offer& offer, std::string_view config_json,
                                                  const Clock& clock,
                                                  const syncline_plugin* inner = nullptr);
    ~Instance();
    Instance(const Instance&) = delete;
    Instance& operator=(const Instance&) = delete;

    const std::string& id() const { return id_; }
    const syncline_plugin* abi() const { return plugin_; }

    // The interface, null if the plugin does not offer it, or Code::internal if it breaks the
    // rules. `functions` names the members of T, all of which are functions.
    template <typename T>
    Result<const T*> interface(const char* interface_id,
                               std::span<const std::string_view> functions) const {
        const Result<const void*> found = find(interface_id, sizeof(T), functions);
        if (!found.ok()) {
            return found.status();
        }
        return static_cast<const T*>(*found);
    }

    // Calls `invoke(const syncline_call*)`, which returns a syncline_status, and says what the
    // answer means. `function` must outlive the call.
    template <typename F>
    Status call(const CallContext& context, std::string_view function, F&& invoke) const {
        Call call(context, clock_);
        syncline_status status = SYNCLINE_OK;
        try {
            status = invoke(call.abi());
        } catch (const std::exception& error) {
            return escaped(function, error.what());
        } catch (...) {
            return escaped(function, "of an unknown type");
        }
        return status == SYNCLINE_OK ? Status() : call.finish(status, {id_, function});
    }

    // For calls that have a sink or reader of ours: the failure that it met or noticed wins over
    // what the plugin made of it.
    template <typename Stream, typename F>
    Status call_with(const CallContext& context, std::string_view function, Stream& stream,
                     F&& invoke) const {
        Status status = call(context, function, std::forward<F>(invoke));
        Status failure = stream.failure();
        return failure.ok() ? status : failure;
    }

private:
    Instance(std::shared_ptr<const Library> library, std::string id, const Clock& clock,
             const syncline_plugin* inner);

    Result<const void*> find(const char* interface_id, std::size_t size,
                             std::span<const std::string_view> functions) const;
    Status escaped(std::string_view function, std::string_view what) const;

    const std::shared_ptr<const Library> library_;
    const std::string id_;
    const Clock& clock_;
    HostServices host_;
    const syncline_plugin* plugin_ = nullptr;
};

} // namespace syncline::plugin
