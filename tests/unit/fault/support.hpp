// Endpoints behind the fault connector, made as the host makes them.
#pragma once

#include "fakes/fake_connector.hpp"
#include "unit/plugin/support.hpp"

#include <latch>
#include <stop_token>
#include <thread>

namespace syncline::test {

using fakes::FakeBody;
using fakes::FakeBodySink;
using fakes::FakeItemSink;

inline Loaded& plugins() {
    static Loaded loaded({std::filesystem::path(SYNCLINE_PLUGIN_DIR) / "fault.so",
                          std::filesystem::path(SYNCLINE_PLUGIN_DIR) / "filesystem.so",
                          std::filesystem::path(SYNCLINE_TEST_PLUGIN_DIR)});
    return loaded;
}

inline std::unique_ptr<Connector> made(Result<std::unique_ptr<Connector>> connector) {
    BOOST_REQUIRE_MESSAGE(connector.ok(), connector.status().message());
    return *std::move(connector);
}

inline std::unique_ptr<Connector> memory() {
    return made(plugins().registry->make_connector("memory", "{}"));
}

inline std::unique_ptr<Connector> directory(const std::filesystem::path& path) {
    return made(
        plugins().registry->make_connector("filesystem", "{\"path\":\"" + path.string() + "\"}"));
}

inline Result<std::unique_ptr<Connector>> try_fault(const std::string& config,
                                                    std::unique_ptr<Connector> inner = memory()) {
    return plugins().registry->make_wrapper("fault", config, std::move(inner));
}

inline std::unique_ptr<Connector> fault(const std::string& config,
                                        std::unique_ptr<Connector> inner = memory()) {
    return made(try_fault(config, std::move(inner)));
}

inline Result<Item> put(Connector& connector, BytesView key, BytesView content,
                        const CallContext& call = {}) {
    PutRequest request;
    request.key = key;
    request.condition = Condition::always;
    request.item.size = content.size();
    if (key.ends_with('/')) {
        request.item.kind = ItemKind::container;
    }
    FakeBody body{Bytes(content)};
    return connector.put(call, request, body);
}

inline Status remove(Connector& connector, BytesView key) {
    RemoveRequest request;
    request.key = key;
    request.condition = Condition::always;
    return connector.remove({}, request);
}

inline Result<Bytes> get(Connector& connector, BytesView key) {
    GetRequest request;
    request.key = key;
    FakeBodySink sink;
    const Status status = connector.get({}, request, sink);
    return status.ok() ? Result<Bytes>(sink.bytes()) : status;
}

inline bool injected(const Status& status) {
    return status.message().starts_with("injected by the fault connector: ");
}

// Which of `count` calls of stat on one key each fail, as text: "..x" for the third.
inline std::string struck(Connector& connector, const std::vector<std::string>& keys) {
    std::string out;
    for (const std::string& key : keys) {
        out += injected(connector.stat({}, key).status()) ? 'x' : '.';
    }
    return out;
}

inline std::string struck(Connector& connector, std::size_t count) {
    return struck(connector, std::vector<std::string>(count, "key"));
}

} // namespace syncline::test
