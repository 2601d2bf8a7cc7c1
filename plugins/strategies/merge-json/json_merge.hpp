/// A three-way merge of JSON documents, member by member.
#ifndef SYNCLINE_STRATEGIES_MERGE_JSON_JSON_MERGE_HPP
#define SYNCLINE_STRATEGIES_MERGE_JSON_JSON_MERGE_HPP

#include <string>
#include <string_view>
#include <vector>

namespace syncline::strategies {

struct JsonMerge {
    bool merged = false;
    std::string text; ///< merged: the document
    std::string why;  ///< not merged: the place that both changed, or what cannot be read
};

/// Merges what each side changed since the base. The same place changed in two ways is no result.
/// `identity`: names of members that tell the elements of an array apart; an array whose elements
/// all have the first fitting one, each with another scalar value, is merged element by element,
/// any other counts as one value. Swapping the sides gives the same text. Threads: any.
JsonMerge merge_json(std::string_view base, std::string_view source, std::string_view target,
                     const std::vector<std::string>& identity);

} // namespace syncline::strategies

#endif
