/// The plugin library `basic`: strategies that look at nothing but the two items.
#include "rules.hpp"

#include <syncline/sdk/plugin.hpp>

namespace sdk = syncline::sdk;
namespace rules = syncline::strategies;

namespace {

template <sdk::Decision (*Rule)(const rules::Question&)>
class RuleStrategy final : public sdk::ConflictStrategy {
public:
    explicit RuleStrategy(const sdk::Setup& setup) { setup.config.only({}); }
    sdk::Decision decide(sdk::Call&, const sdk::Conflict& conflict) override {
        return Rule(rules::Question{conflict.kind, conflict.key, conflict.source, conflict.target});
    }
};

constexpr const char* kKeepBothSchema = R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "mark": {
      "type": "string",
      "description": "what the loser's name gets before its extension; {n} is counted up until the name is free, {date} is its time (UTC), {side} source or target; default .conflict-{n}"
    },
    "loser": {
      "type": "string", "enum": ["older", "newer", "source", "target"],
      "description": "who gets the new name: older (default), newer, source or target"
    }
  }
})json";

class KeepBothStrategy final : public sdk::ConflictStrategy {
public:
    explicit KeepBothStrategy(const sdk::Setup& setup) {
        setup.config.only({"mark", "loser"});
        std::string why;
        std::optional<rules::Mark> mark =
            rules::Mark::parse(setup.config.string("mark", rules::kDefaultMark), why);
        if (!mark) {
            throw setup.config.invalid("mark", why);
        }
        options_.mark = *std::move(mark);
        using Loser = rules::KeepBoth::Loser;
        const std::string loser = setup.config.string("loser", "older");
        if (loser == "newer") {
            options_.loser = Loser::newer;
        } else if (loser == "source") {
            options_.loser = Loser::source;
        } else if (loser == "target") {
            options_.loser = Loser::target;
        } else if (loser != "older") {
            throw setup.config.invalid("loser", "older, newer, source or target");
        }
    }
    sdk::Decision decide(sdk::Call&, const sdk::Conflict& conflict) override {
        return rules::keep_both(
            rules::Question{conflict.kind, conflict.key, conflict.source, conflict.target},
            options_);
    }

private:
    rules::KeepBoth options_;
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
    sdk::strategy<KeepBothStrategy>(
        sdk::Descriptor("syncline.strategy.keep-both", "1.1.0", "Keep both")
            .vendor("Syncline")
            .description("Keeps the newer one and stores the other under a conflict name")
            .schema(kKeepBothSchema)),
    rule<rules::manual>("syncline.strategy.manual", "Manual",
                        "Leaves both sides as they are until a person decides"));
