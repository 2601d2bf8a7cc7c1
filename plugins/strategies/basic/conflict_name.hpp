/// Names for the copy that loses when both sides are kept.
#ifndef SYNCLINE_STRATEGIES_BASIC_CONFLICT_NAME_HPP
#define SYNCLINE_STRATEGIES_BASIC_CONFLICT_NAME_HPP

#include <string>
#include <string_view>

namespace syncline::strategies {

/// `dir/name.ext` becomes `dir/name.conflict-<n>.ext`. The extension begins at the last dot of the
/// last path segment, unless that dot is its first character. A key that is a conflict name already
/// gives the name its original would get, so names do not nest.
std::string conflict_name(std::string_view key, unsigned n);

} // namespace syncline::strategies

#endif
