// Octets and their names. Keys, version tokens and digests are bytes, not text: nothing in the
// engine may assume that they are UTF-8 or free of NUL. Order between keys is the order of unsigned
// bytes, which is what std::string_view compares by.
#pragma once

#include <string>
#include <string_view>

namespace syncline {

using Bytes = std::string;
using BytesView = std::string_view;

// Containers have keys that end in '/', so that a container sorts directly before what is below it.
inline bool is_container_key(BytesView key) { return !key.empty() && key.back() == '/'; }

// The first key after everything that begins with `prefix`; empty when there is none (only for
// 0xff...).
Bytes end_of_prefix(BytesView prefix);

} // namespace syncline
