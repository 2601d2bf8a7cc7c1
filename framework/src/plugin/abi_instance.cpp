#include "plugin/abi_instance.hpp"

#include <syncline/abi/host.h>

#include <cstdint>
#include <cstring>

namespace syncline::plugin {

namespace {

constexpr std::uint32_t kPluginSize = 48;
static_assert(sizeof(syncline_plugin) == kPluginSize);

// Every interface begins with struct_size and reserved0; functions follow.
constexpr std::size_t kFirstFunction = 8;

} // namespace

Instance::Instance(std::shared_ptr<const Library> library, std::string id, const Clock& clock,
                   const syncline_plugin* inner)
    : library_(std::move(library)), id_(std::move(id)), clock_(clock), host_(id_, clock, inner) {}

Instance::~Instance() {
    if (plugin_ == nullptr) {
        return;
    }
    const std::lock_guard lock(library_->control());
    const ThreadRole role(SYNCLINE_THREAD_CONTROL);
    try {
        plugin_->destroy(plugin_);
    } catch (...) { // NOLINT(bugprone-empty-catch) a destructor must go on
    }
}

Status Instance::escaped(std::string_view function, std::string_view what) const {
    return protocol_error({id_, function},
                          "let an exception out: " + safe_text(what, kMaxErrorText));
}

Result<std::unique_ptr<Instance>> Instance::make(std::shared_ptr<const Library> library,
                                                 const Offer& offer, std::string_view config_json,
                                                 const Clock& clock, const syncline_plugin* inner) {
    const syncline_factory& factory = library->factory();
    std::unique_ptr<Instance> instance(
        new Instance(std::move(library), offer.description.id, clock, inner));
    const ThreadRole role(SYNCLINE_THREAD_CONTROL);
    const CallContext context;
    const syncline_plugin* plugin = nullptr;
    SYNCLINE_TRY(instance->call(context, "create", [&](const syncline_call* call) {
        const std::lock_guard lock(instance->library_->control());
        return factory.create(&factory, instance->host_.abi(), call, instance->id_.c_str(),
                              &plugin);
    }));
    const Origin origin{instance->id_, "create"};
    if (plugin == nullptr) {
        return protocol_error(origin, "succeeded without an instance");
    }
    if (plugin->struct_size < kPluginSize) {
        return protocol_error(origin, "made an instance of " + std::to_string(plugin->struct_size) +
                                          " bytes, version 1.0 of the plugin ABI has " +
                                          std::to_string(kPluginSize));
    }
    if (plugin->destroy == nullptr) {
        return protocol_error(origin, "made an instance that lacks the function destroy");
    }
    instance->plugin_ = plugin; // destroyed from here on
    if (plugin->configure == nullptr || plugin->get_interface == nullptr) {
        return protocol_error(origin, "made an instance that lacks the function configure or "
                                      "get_interface");
    }
    if (plugin->desc != offer.descriptor) {
        return protocol_error(origin, "made an instance of another descriptor");
    }
    SYNCLINE_TRY(instance->call(context, "configure", [&](const syncline_call* call) {
        return plugin->configure(plugin, call, {config_json.data(), config_json.size()});
    }));
    return instance;
}

Result<const void*> Instance::find(const char* interface_id, std::size_t size,
                                   std::span<const std::string_view> functions) const {
    const Origin origin{id_, "get_interface"};
    const void* found = nullptr;
    try {
        found = plugin_->get_interface(plugin_, interface_id);
    } catch (...) {
        return escaped("get_interface", "of an unknown type");
    }
    if (found == nullptr) {
        return found;
    }
    std::uint32_t struct_size = 0;
    std::memcpy(&struct_size, found, sizeof struct_size);
    if (struct_size < size) {
        return protocol_error(origin, "gave " + std::string(interface_id) + " of " +
                                          std::to_string(struct_size) + " bytes, version 1.0 has " +
                                          std::to_string(size));
    }
    const auto* at = static_cast<const char*>(found) + kFirstFunction;
    for (const std::string_view function : functions) {
        void (*pointer)() = nullptr;
        std::memcpy(&pointer, at, sizeof pointer);
        if (pointer == nullptr) {
            return protocol_error(origin, "gave " + std::string(interface_id) +
                                              " without the function " + std::string(function));
        }
        at += sizeof pointer;
    }
    return found;
}

} // namespace syncline::plugin
