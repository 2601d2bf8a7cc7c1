#include "syncline/lifecycle/component_graph.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

namespace syncline {

namespace {

Status invalid(std::string message) { return Status(Code::invalid_config, std::move(message)); }

} // namespace

ComponentGraph::~ComponentGraph() {
    while (!nodes_.empty()) {
        nodes_.pop_back();
    }
}

Result<ComponentGraph> ComponentGraph::make(std::vector<ComponentSpec> specs) {
    std::map<std::string, std::size_t> by_name;
    for (std::size_t i = 0; i < specs.size(); ++i) {
        if (!specs[i].component) {
            return invalid("a component is missing");
        }
        const std::string name(specs[i].component->component_name());
        if (!by_name.emplace(name, i).second) {
            return invalid("two components are called '" + name + "'");
        }
    }
    std::vector<std::vector<std::size_t>> needs(specs.size());
    for (std::size_t i = 0; i < specs.size(); ++i) {
        for (const std::string& needed : specs[i].needs) {
            const auto found = by_name.find(needed);
            if (found == by_name.end()) {
                return invalid("'" + std::string(specs[i].component->component_name()) +
                               "' needs '" + needed + "', which does not exist");
            }
            needs[i].push_back(found->second);
        }
    }

    enum class Mark { unseen, open, placed };
    std::vector<Mark> marks(specs.size(), Mark::unseen);
    std::vector<std::size_t> position(specs.size());
    std::vector<std::size_t> path;
    ComponentGraph graph;
    // Depth first; those on the path are open, so meeting one of them again closes a cycle.
    const std::function<Status(std::size_t)> place = [&](std::size_t i) -> Status {
        if (marks[i] == Mark::placed) {
            return {};
        }
        const auto name_at = [&](std::size_t at) {
            return std::string(specs[at].component->component_name());
        };
        if (marks[i] == Mark::open) {
            std::string cycle;
            for (auto at = std::find(path.begin(), path.end(), i); at != path.end(); ++at) {
                cycle += name_at(*at) + " -> ";
            }
            return invalid("components need each other in a circle: " + cycle + name_at(i));
        }
        marks[i] = Mark::open;
        path.push_back(i);
        for (const std::size_t needed : needs[i]) {
            SYNCLINE_TRY(place(needed));
        }
        path.pop_back();
        marks[i] = Mark::placed;
        position[i] = graph.nodes_.size();
        Node node{specs[i].component, name_at(i), {}, {}};
        for (const std::size_t needed : needs[i]) {
            const std::size_t at = position[needed];
            if (std::find(node.needs.begin(), node.needs.end(), at) == node.needs.end()) {
                node.needs.push_back(at);
                graph.nodes_[at].needed_by.push_back(position[i]);
            }
        }
        graph.nodes_.push_back(std::move(node));
        return {};
    };
    for (std::size_t i = 0; i < specs.size(); ++i) {
        SYNCLINE_TRY(place(i));
    }
    return graph;
}

} // namespace syncline
