// Keys: '/'-separated bytes relative to the root; a key that ends in '/' names a directory.
#pragma once

#include "posix.hpp"

#include <string_view>

namespace syncline::fs {

inline constexpr std::size_t kMaxName = 255;
inline constexpr std::string_view kTempPrefix = ".syncline-tmp-";
inline constexpr std::size_t kTempDigits = 16;

// Borrows from the text it was parsed from.
struct Key {
    std::string_view text;   // as given
    std::string_view parent; // "" or "a/b/": the directory that holds the entry
    std::string_view leaf;   // name in that directory, without '/'
    bool is_container = false;
};

// KEY_INVALID with detail `rule` for what no file of this root can be called, and for names of our
// own temporaries.
Status parse_key(std::string_view text, Key& out);

// Exactly ".syncline-tmp-" and 16 lower-case hex digits; similar names belong to the user.
bool is_temp_name(std::string_view name);

} // namespace syncline::fs
