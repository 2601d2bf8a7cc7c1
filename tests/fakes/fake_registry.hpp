// A registry whose connectors and strategies are objects of the test: `fake://NAME` reaches the
// store of that name, and every run gets its own thin handle on it, as it would get its own
// instance from a plugin.
#pragma once

#include "fakes/fake_connector.hpp"
#include "syncline/plugin/plugin_registry.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace syncline::fakes {

class FakeRegistry : public PluginRegistry {
public:
    std::map<std::string, std::shared_ptr<FakeConnector>> stores;
    std::map<std::string, std::function<Result<Decision>(const Conflict&)>> strategies;

    FakeConnector& store(const std::string& name) {
        std::shared_ptr<FakeConnector>& store = stores[name];
        if (store == nullptr) {
            store = std::make_shared<FakeConnector>();
            store->info_answer.scope_id = name;
        }
        return *store;
    }

    void load(const PluginSearch&) override {}
    std::vector<PluginDescription> plugins() const override { return {}; }
    std::vector<LoadFailure> failures() const override { return {}; }
    Result<PluginDescription> find(PluginKind kind, std::string_view id) const override {
        if (strategies.find(std::string(id)) == strategies.end()) {
            return Status(Code::not_found, "no strategy '" + std::string(id) + "'");
        }
        PluginDescription found;
        found.kind = kind;
        found.id = id;
        return found;
    }
    Result<PluginDescription> find_scheme(std::string_view scheme) const override {
        if (scheme != "fake") {
            return Status(Code::not_found, "no connector takes '" + std::string(scheme) + "://'");
        }
        PluginDescription found;
        found.id = "test.connector.fake";
        found.schemes = {"fake"};
        return found;
    }
    Result<std::unique_ptr<Connector>> make_connector(std::string_view,
                                                      std::string_view config_json) override {
        for (auto& [name, store] : stores) {
            // Resource types of one place are stores of their own: `a#customers`.
            const std::size_t mark = name.find('#');
            const bool has_type = config_json.find("\"resource\"") != std::string_view::npos;
            const bool is_type = mark == std::string::npos
                                     ? !has_type
                                     : config_json.find("\"resource\":\"" + name.substr(mark + 1) +
                                                        '"') != std::string_view::npos;
            if (is_type && config_json.find("fake://" + name.substr(0, mark) + '"') !=
                               std::string_view::npos) {
                return std::unique_ptr<Connector>(std::make_unique<Handle>(store));
            }
        }
        return Status(Code::not_found, "no such store: " + std::string(config_json));
    }
    Result<std::unique_ptr<Connector>> make_wrapper(std::string_view, std::string_view,
                                                    std::unique_ptr<Connector>) override {
        return Status(Code::not_supported, "nothing here wraps another connector");
    }
    Result<std::unique_ptr<ConflictStrategy>> make_strategy(std::string_view id,
                                                            std::string_view) override {
        return std::unique_ptr<ConflictStrategy>(
            std::make_unique<Strategy>(std::string(id), strategies.at(std::string(id))));
    }

private:
    class Handle : public Connector {
    public:
        explicit Handle(std::shared_ptr<FakeConnector> store) : store_(std::move(store)) {}
        const std::string& plugin_id() const override { return store_->plugin_id(); }
        Result<ConnectorInfo> info(const CallContext& c) override { return store_->info(c); }
        Status check(const CallContext& c) override { return store_->check(c); }
        Result<Bytes> list(const CallContext& c, const ListRequest& r, ItemSink& s) override {
            return store_->list(c, r, s);
        }
        Result<Item> stat(const CallContext& c, BytesView k) override { return store_->stat(c, k); }
        Status get(const CallContext& c, const GetRequest& r, BodySink& s) override {
            return store_->get(c, r, s);
        }
        Result<Item> put(const CallContext& c, const PutRequest& r, BodyReader& b) override {
            return store_->put(c, r, b);
        }
        Status remove(const CallContext& c, const RemoveRequest& r) override {
            return store_->remove(c, r);
        }
        Status flush(const CallContext& c) override { return store_->flush(c); }
        Renamer* renamer() override { return store_->renamer(); }
        MetaWriter* meta_writer() override { return store_->meta_writer(); }
        LocalBodies* local_bodies() override { return store_->local_bodies(); }

    private:
        std::shared_ptr<FakeConnector> store_;
    };

    class Strategy : public ConflictStrategy {
    public:
        Strategy(std::string id, std::function<Result<Decision>(const Conflict&)> decide)
            : id_(std::move(id)), decide_(std::move(decide)) {}
        const std::string& plugin_id() const override { return id_; }
        Result<Decision> decide(const CallContext&, const Conflict& conflict) override {
            return decide_(conflict);
        }

    private:
        std::string id_;
        std::function<Result<Decision>(const Conflict&)> decide_;
    };
};

} // namespace syncline::fakes
