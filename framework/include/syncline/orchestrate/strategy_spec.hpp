// Chains of conflict strategies as a person writes them: `newer-wins,keep-both`, with options as in
// a URL (`keep-both?mark=~{n}&loser=source`), and with a pattern in front (`*.md:merge-text`) for
// the keys it covers.
#pragma once

#include "syncline/core/status.hpp"
#include "syncline/plugin/plugin_registry.hpp"
#include "syncline/reconcile/strategy_chain.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace syncline {

struct ChainSpec {
    std::string pattern;                 // a glob as of KeyFilter; empty: every key
    std::vector<std::string> strategies; // first to last; at least one, none empty
};

// The pattern ends at the first ':' without a backslash before it. In options ',', '&', '%' and,
// without a pattern, ':' are written %2C, %26, %25 and %3A.
Result<ChainSpec> parse_chain(std::string_view text);

// The plugins that `name[?options]` name, configured.
Result<Strategies> make_strategies(PluginRegistry& plugins, const std::vector<std::string>& chain);

// As parse_chain() gave them, in their order: of several patterns the last counts.
Result<std::vector<PatternChain>> make_pattern_chains(PluginRegistry& plugins,
                                                      const std::vector<ChainSpec>& chains);

} // namespace syncline
