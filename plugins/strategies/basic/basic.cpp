/// The plugin library `basic`: strategies that look at nothing but the two items.
#include "rules.hpp"

#include <syncline/sdk/plugin.hpp>

namespace sdk = syncline::sdk;
namespace rules = syncline::strategies;

namespace {

template <sdk::Decision (*Rule)(const rules::Question&)>
class RuleStrategy final : public sdk::ConflictStrategy {
public:
    sdk::Decision decide(sdk::Call&, const sdk::Conflict& conflict) override {
        return Rule(rules::Question{conflict.kind, conflict.key, conflict.source, conflict.target});
    }
};

template <sdk::Decision (*Rule)(const rules::Question&)>
sdk::Registration rule(const char* id, const char* name, const char* description) {
    return sdk::strategy<RuleStrategy<Rule>>(
        sdk::Descriptor(id, "1.0.0", name)
            .vendor("Syncline")
            .description(description)
            .schema(R"({"type": "object", "additionalProperties": false})"));
}

} // namespace

SYNCLINE_PLUGIN(
    rule<rules::source_wins>("syncline.strategy.source-wins", "Source wins",
                             "Keeps the source, also if it was deleted there"),
    rule<rules::target_wins>("syncline.strategy.target-wins", "Target wins",
                             "Keeps the target, also if it was deleted there"),
    rule<rules::newer_wins>("syncline.strategy.newer-wins", "Newer wins",
                            "Keeps the side that was modified last"),
    rule<rules::older_wins>("syncline.strategy.older-wins", "Older wins",
                            "Keeps the side that was modified first"),
    rule<rules::larger_wins>("syncline.strategy.larger-wins", "Larger wins",
                             "Keeps the side with more bytes"),
    rule<rules::smaller_wins>("syncline.strategy.smaller-wins", "Smaller wins",
                              "Keeps the side with fewer bytes"),
    rule<rules::keep_both>("syncline.strategy.keep-both", "Keep both",
                           "Keeps the newer one and stores the other under a conflict name"),
    rule<rules::manual>("syncline.strategy.manual", "Manual",
                        "Leaves both sides as they are until a person decides"));
