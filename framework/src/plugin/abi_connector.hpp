// A plugin's connector as the engine's Connector. What comes in is checked here, so that nothing
// above has to.
#pragma once

#include "plugin/library_loader.hpp"
#include "syncline/plugin/connector.hpp"

#include <memory>
#include <string_view>

namespace syncline::plugin {

// `inner`: what a wrapper wraps, made by this function too; null for all others. It is kept, and
// destroyed after the wrapper.
Result<std::unique_ptr<Connector>> make_abi_connector(std::shared_ptr<const Library> library,
                                                      const Offer& offer,
                                                      std::string_view config_json,
                                                      const Clock& clock,
                                                      std::unique_ptr<Connector> inner = nullptr);

} // namespace syncline::plugin
