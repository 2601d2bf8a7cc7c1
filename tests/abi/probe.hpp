/// The plugin library that the wrapper tests drive; it lives in the test program itself.
///
///   test.connector.probe   all optional interfaces; misbehaves on demand, see probe.cpp
///   test.connector.plain   the least a connector can be
///   test.strategy.echo     a strategy that merges what it is given
///   test.scheduler.echo    a scheduler that plans every sync it is shown
#ifndef SYNCLINE_TESTS_ABI_PROBE_HPP
#define SYNCLINE_TESTS_ABI_PROBE_HPP

#include "fake_host.hpp"

#include <syncline/abi/entry.h>

#include <string>

namespace probe {

/// What happened in the instances of the probe since the last reset.
struct Seen {
    std::string last;
    std::uint32_t max_items = 0;
    std::uint64_t interrupted = 0;
    bool stopped = false;
    std::string state;
};
Seen& seen();

/// A configured probe.
struct Probe {
    explicit Probe(const std::string& config = "{}", bool with_services = true)
        : host(with_services), instance(syncline_entry_v1, host, "test.connector.probe", config),
          connector(instance.as<syncline_connector>(SYNCLINE_IFACE_CONNECTOR)) {
        seen() = Seen();
    }
    syncline_status stat(const std::string& key) {
        return connector->stat(instance, call, fake::bytes(key), sink);
    }
    fake::Host host;
    fake::Instance instance;
    const syncline_connector* connector;
    fake::Call call;
    fake::ItemSink sink;
};

} // namespace probe

#endif
