// Keeps the contents that both sides agree on in the archive, for the items whose conflicts a
// strategy could merge. That is a service to later runs and never a reason for an operation to
// fail: what cannot be kept is logged, and such a conflict is then not merged.
//
// Threads: keep() any; pin_kept() one.
#pragma once

#include "syncline/endpoint/endpoint.hpp"
#include "syncline/execute/executor.hpp"

#include <optional>
#include <vector>

namespace syncline {

struct KeptContent {
    Bytes name;   // of its pin
    Bytes digest; // empty: it is not needed any more
};

class BaseKeeper {
public:
    BaseKeeper(Endpoint& source, Endpoint& target, const KeptBases& kept_bases)
        : source_(source), target_(target), kept_bases_(kept_bases) {}

    // Reads the content from a side and puts it into the archive, unless it is of no use or there
    // already. What comes back is to be pinned before the base is committed.
    std::optional<KeptContent> keep(const BaseEntry& entry, const CallContext& call) const;
    bool wants(BytesView key) const {
        return archive() != nullptr && kept_bases_.limit && kept_bases_.limit(key) > 0;
    }
    ArchiveStore* archive() const { return kept_bases_.archive; }

private:
    Endpoint& source_;
    Endpoint& target_;
    const KeptBases& kept_bases_;
};

// Pins what is to stay and lets go of the rest.
void pin_kept(ArchiveStore* archive, const std::vector<KeptContent>& kept);

} // namespace syncline
