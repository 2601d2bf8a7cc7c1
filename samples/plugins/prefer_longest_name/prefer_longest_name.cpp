/// A conflict strategy of a few lines: of two names that collide, the longer one wins.
#include <syncline/sdk/sdk.hpp>

namespace sdk = syncline::sdk;

namespace {

class PreferLongestName final : public sdk::ConflictStrategy {
public:
    sdk::Decision decide(sdk::Call&, const sdk::Conflict& conflict) override {
        if (!conflict.source || !conflict.target) {
            return sdk::Decision::decline("one side was deleted");
        }
        const std::size_t source = conflict.source->key().size();
        const std::size_t target = conflict.target->key().size();
        if (source == target) {
            return sdk::Decision::decline("both names are equally long");
        }
        return source > target ? sdk::Decision::keep_source("the source has the longer name")
                               : sdk::Decision::keep_target("the target has the longer name");
    }
};

} // namespace

SYNCLINE_PLUGIN(sdk::strategy<PreferLongestName>(
    sdk::Descriptor("example.strategy.prefer-longest-name", "1.0.0", "Prefer longest name")
        .vendor("Example")
        .description("Of two names that collide, keeps the longer one")));
