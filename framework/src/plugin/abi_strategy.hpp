// A plugin's conflict strategy as the engine's ConflictStrategy.
#pragma once

#include "plugin/library_loader.hpp"
#include "syncline/plugin/conflict_strategy.hpp"

#include <memory>
#include <string_view>

namespace syncline::plugin {

Result<std::unique_ptr<ConflictStrategy>> make_abi_strategy(std::shared_ptr<const Library> library,
                                                            const Offer& offer,
                                                            std::string_view config_json,
                                                            const Clock& clock);

} // namespace syncline::plugin
