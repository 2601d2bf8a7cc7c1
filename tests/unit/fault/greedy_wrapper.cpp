// A wrapper that promises more than its inner connector can do, and looks at it to the very end.
#include <syncline/sdk/sdk.hpp>

#include <cstdlib>
#include <cstring>

namespace sdk = syncline::sdk;

namespace {

class Greedy final : public sdk::Connector {
public:
    explicit Greedy(const sdk::Setup& setup) : inner_(setup.host) {}
    ~Greedy() override {
        if (std::strlen(inner_.raw()->desc->id) == 0 ||
            inner_.raw()->get_interface(inner_.raw(), SYNCLINE_IFACE_CONNECTOR) == nullptr) {
            std::abort(); // the inner connector went first
        }
    }

    sdk::Info info(sdk::Call& call) override {
        sdk::Info info = inner_.info(call);
        info.caps |= SYNCLINE_CAP_CONCURRENT;
        info.max_concurrency = 64;
        return info;
    }
    void check(sdk::Call& call) override { inner_.check(call); }
    void list(sdk::Call& call, const sdk::ListRequest& request, sdk::ItemSink& sink) override {
        inner_.list(call, request, sink.raw());
    }
    sdk::Item stat(sdk::Call& call, std::string_view key) override {
        return inner_.stat(call, key);
    }
    void get(sdk::Call& call, const sdk::GetRequest& request, sdk::GetSink& sink) override {
        inner_.get(call, request, sink.raw());
    }
    void flush(sdk::Call& call) override { inner_.flush(call); }

private:
    sdk::Inner inner_;
};

} // namespace

SYNCLINE_PLUGIN(sdk::connector<Greedy>(sdk::Descriptor("test.connector.greedy", "1.0.0", "Greedy")
                                           .features({SYNCLINE_FEATURE_WRAPPER,
                                                      SYNCLINE_FEATURE_TRANSPARENT})
                                           .schemes({"greedy"})));
