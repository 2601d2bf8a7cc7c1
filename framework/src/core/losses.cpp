#include "syncline/core/losses.hpp"

#include "syncline/core/text.hpp"

#include <algorithm>
#include <iterator>

namespace syncline {

namespace {

constexpr std::array kKinds{Loss::hard_links, Loss::owner, Loss::attributes, Loss::acl,
                            Loss::holes};

std::string_view what_becomes(Loss loss) {
    switch (loss) {
    case Loss::hard_links:
        return "with further names (hard links): each copy is a file of its own";
    case Loss::owner:
        return "of another user or group: copies belong to who runs syncline";
    case Loss::attributes:
        return "with extended attributes: they are not copied";
    case Loss::acl:
        return "with an access control list: it is not copied";
    case Loss::holes:
        return "with holes: copies take up their whole size";
    }
    return "";
}

} // namespace

Losses::Losses() {
    for (std::size_t i = 0; i < kKinds.size(); ++i) {
        counts_[i].loss = kKinds[i];
    }
}

void Losses::add(std::uint8_t losses, BytesView key) {
    for (LossCount& one : counts_) {
        if ((losses & static_cast<std::uint8_t>(one.loss)) == 0) {
            continue;
        }
        ++one.count;
        if (one.keys.size() < kNames) {
            one.keys.emplace_back(key);
        }
    }
}

void Losses::add(const Losses& more) {
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        counts_[i].count += more.counts_[i].count;
        for (const Bytes& key : more.counts_[i].keys) {
            if (counts_[i].keys.size() < kNames) {
                counts_[i].keys.push_back(key);
            }
        }
    }
}

std::vector<LossCount> Losses::entries() const {
    std::vector<LossCount> met;
    std::copy_if(counts_.begin(), counts_.end(), std::back_inserter(met),
                 [](const LossCount& one) { return one.count > 0; });
    return met;
}

std::string_view name_of(Loss loss) {
    switch (loss) {
    case Loss::hard_links:
        return "hard-links";
    case Loss::owner:
        return "owner";
    case Loss::attributes:
        return "attributes";
    case Loss::acl:
        return "acl";
    case Loss::holes:
        return "holes";
    }
    return "unknown";
}

std::string display_loss(const LossCount& loss) {
    std::string line = display_count(loss.count, "item") + " ";
    line += what_becomes(loss.loss);
    line += " (";
    const char* separator = "";
    for (const Bytes& key : loss.keys) {
        line += separator + display_key(key);
        separator = ", ";
    }
    if (loss.count > loss.keys.size()) {
        line += " and " + std::to_string(loss.count - loss.keys.size()) + " more";
    }
    return line + ")";
}

} // namespace syncline
