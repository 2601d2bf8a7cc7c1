// Puts what operations are about to overwrite or remove into the archive, before they do.
#pragma once

#include "execute/operations.hpp"

#include <span>

namespace syncline {

// Puts the content of `key` into the archive; Code::conflict if it is not the planned version.
Result<ArchivedContent> archive_item(Endpoint& side, const Item& planned, BytesView key,
                                     ArchiveStore& archive, const CallContext& call);

class Keeper {
public:
    Keeper(Endpoint& source, Endpoint& target, const Keeping& keeping)
        : source_(source), target_(target), keeping_(keeping) {}

    // On return the old contents are durable in the archive and the journal says whose they are;
    // an operation whose content could not be kept has `keep_failed`. Any thread.
    void keep(std::span<OpResult> batch, const CallContext& call) const;

private:
    Status archive(OpResult& result, Side side, const CallContext& call) const;

    Endpoint& source_;
    Endpoint& target_;
    const Keeping& keeping_;
};

} // namespace syncline
