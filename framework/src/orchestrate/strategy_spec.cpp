#include "syncline/orchestrate/strategy_spec.hpp"

#include "syncline/core/text.hpp"
#include "syncline/orchestrate/location.hpp"

#include <algorithm>

namespace syncline {

namespace {

std::size_t end_of_pattern(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\') {
            ++at;
        } else if (text[at] == ':') {
            return at;
        }
    }
    return std::string_view::npos;
}

} // namespace

Result<ChainSpec> parse_chain(std::string_view text) {
    ChainSpec spec;
    const std::string shown = "'" + display_key(text) + "'";
    std::string_view chain = text;
    if (const std::size_t colon = end_of_pattern(text); colon != std::string_view::npos) {
        spec.pattern = text.substr(0, colon);
        chain = text.substr(colon + 1);
        const Result<KeyFilter> filter = KeyFilter::make({{false, spec.pattern}});
        if (!filter.ok()) {
            return Status(Code::invalid_argument,
                          shown + ": " + filter.status().message() +
                              " (what stands before ':' is a pattern; an option's ':' is written "
                              "%3A)");
        }
    }
    while (true) {
        const std::size_t comma = chain.find(',');
        const std::string_view one = chain.substr(0, comma);
        if (one.substr(0, one.find('?')).empty()) {
            return Status(Code::invalid_argument,
                          shown + " needs names of strategies, such as newer-wins,keep-both");
        }
        spec.strategies.emplace_back(one);
        if (comma == std::string_view::npos) {
            return spec;
        }
        chain.remove_prefix(comma + 1);
    }
}

Result<Strategies> make_strategies(PluginRegistry& plugins, const std::vector<std::string>& chain) {
    Strategies strategies;
    for (const std::string& text : chain) {
        const std::size_t question = text.find('?');
        const std::string name = text.substr(0, question);
        const std::string query = question == std::string::npos ? "" : text.substr(question + 1);
        const Result<PluginDescription> found = plugins.find(PluginKind::strategy, name);
        if (!found.ok()) {
            return found.status();
        }
        const Result<std::string> config = config_of_query(*found, query, name);
        if (!config.ok()) {
            return config.status().with_context(name);
        }
        Result<std::unique_ptr<ConflictStrategy>> made = plugins.make_strategy(found->id, *config);
        if (!made.ok()) {
            return made.status().with_context(name);
        }
        strategies.push_back(*std::move(made));
    }
    return strategies;
}

Result<std::vector<PatternChain>> make_pattern_chains(PluginRegistry& plugins,
                                                      const std::vector<ChainSpec>& chains) {
    std::vector<PatternChain> made;
    for (const ChainSpec& chain : chains) {
        Result<KeyFilter> pattern = KeyFilter::make({{false, chain.pattern}});
        if (!pattern.ok()) {
            return pattern.status();
        }
        Result<Strategies> strategies = make_strategies(plugins, chain.strategies);
        if (!strategies.ok()) {
            return strategies.status();
        }
        made.push_back({*std::move(pattern), *std::move(strategies)});
    }
    return made;
}

} // namespace syncline
