#include "syncline/core/bytes.hpp"

namespace syncline {

Bytes end_of_prefix(BytesView prefix) {
    while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) {
        prefix.remove_suffix(1);
    }
    Bytes end(prefix);
    if (!end.empty()) {
        end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
    }
    return end;
}

} // namespace syncline
