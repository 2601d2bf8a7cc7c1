// Components with what they need, in an order in which each comes after everything it needs. A
// graph that cannot be ordered is refused when it is built, not when it is started.
#pragma once

#include "syncline/lifecycle/component.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace syncline {

struct ComponentSpec {
    std::shared_ptr<Component> component; // its component_name() is its name in the graph
    std::vector<std::string> needs;       // names of those that must run while it runs
};

class ComponentGraph {
public:
    struct Node {
        std::shared_ptr<Component> component;
        std::string name;
        std::vector<std::size_t> needs;     // positions in nodes(), all smaller than its own
        std::vector<std::size_t> needed_by; // directly
    };

    // Those without an order between them keep the given one. Code::invalid_config for an absent
    // component, a name that is used twice or needed and unknown, and a cycle, which is spelled out
    // as `a -> b -> a`.
    static Result<ComponentGraph> make(std::vector<ComponentSpec> specs);

    ComponentGraph(ComponentGraph&&) = default;
    ComponentGraph& operator=(ComponentGraph&&) = delete;
    ~ComponentGraph(); // lets go of each component before those that it needs

    const std::vector<Node>& nodes() const { return nodes_; } // in the order of starting

private:
    ComponentGraph() = default;
    std::vector<Node> nodes_;
};

} // namespace syncline
