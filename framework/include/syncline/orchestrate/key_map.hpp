// How the keys of one resource type look on the target, where they look different there: `42` on a
// table's side may be the file `customers/42.json` on the other. The engine, its base and its
// reports use the source's form; the connector behind this one only ever sees its own.
//
//   Result<KeyMap> map = KeyMap::make("customers/{key}.json");
//   target = with_mapped_keys(std::move(target), *map);
#pragma once

#include "syncline/core/status.hpp"
#include "syncline/plugin/connector.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace syncline {

class KeyMap {
public:
    KeyMap() = default; // keys are the same on both sides
    // `pattern` holds `{key}` once, what stands before it ends in '/' or is empty: a name may grow
    // an ending, and all may lie in one container. Code::invalid_config otherwise.
    static Result<KeyMap> make(std::string_view pattern);

    bool changes_nothing() const { return prefix_.empty() && suffix_.empty(); }
    Bytes to_target(BytesView key) const;
    // Nothing: no item of this resource type. Containers have no ending.
    std::optional<Bytes> to_source(BytesView key) const;

private:
    Bytes prefix_;
    Bytes suffix_;
};

// `inner`, with keys in the source's form. Lists without order, since an ending changes it; items
// that are not of the resource type are not listed.
std::unique_ptr<Connector> with_mapped_keys(std::unique_ptr<Connector> inner, KeyMap map);

} // namespace syncline
