// A strategy that keeps the source in its first version and the target in its second.
#include <syncline/sdk/sdk.hpp>

namespace sdk = syncline::sdk;

class Swap final : public sdk::ConflictStrategy {
public:
    sdk::Decision decide(sdk::Call&, const sdk::Conflict&) override {
        return SWAP_VERSION == 1 ? sdk::Decision::keep_source("the first version says so")
                                 : sdk::Decision::keep_target("the second version says so");
    }
};

SYNCLINE_PLUGIN(sdk::strategy<Swap>(
    sdk::Descriptor("test.strategy.swap", SWAP_VERSION == 1 ? "1.0.0" : "2.0.0", "Swap")));
