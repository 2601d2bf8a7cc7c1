// A connector whose constructor throws: the SDK's barrier turns it into an error of configure.
#include <syncline/sdk/sdk.hpp>

#include <stdexcept>

namespace {

using namespace syncline::sdk;

class Throwing : public Connector {
public:
    Throwing() { throw std::runtime_error("the constructor gave up"); }
    Info info(Call&) override { return {}; }
    void check(Call&) override {}
    void list(Call&, const ListRequest&, ItemSink&) override {}
    Item stat(Call&, std::string_view) override { throw std::runtime_error("unreachable"); }
    void get(Call&, const GetRequest&, GetSink&) override {}
    void flush(Call&) override {}
};

} // namespace

SYNCLINE_PLUGIN(connector<Throwing>(Descriptor("test.connector.throwing", "1.0.0", "Throwing")));
