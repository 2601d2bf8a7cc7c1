/// The plugin library `merge-text`.
#include "text_merge.hpp"

#include <syncline/sdk/sdk.hpp>

namespace sdk = syncline::sdk;
namespace strategies = syncline::strategies;

namespace {

constexpr std::int64_t kMaxSize = std::int64_t{64} << 20; // what the host takes as a merge result
constexpr std::int64_t kDefaultSize = std::int64_t{1} << 20;

constexpr const char* kSchema = R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "overlap": {
      "type": "string", "enum": ["decline", "markers", "source", "target", "both"],
      "description": "lines that both changed: decline (default: ask the next strategy), markers (write conflict markers), source, target, or both (one after the other)"
    },
    "max_size": {
      "type": "integer", "minimum": 1, "maximum": 67108864,
      "description": "larger contents are declined; bytes, default 1048576"
    }
  }
})json";

class MergeText final : public sdk::ConflictStrategy, public sdk::BaseContentUser {
public:
    explicit MergeText(const sdk::Setup& setup) {
        using strategies::Overlap;
        setup.config.only({"overlap", "max_size"});
        const std::string overlap = setup.config.string("overlap", "decline");
        if (overlap == "markers") {
            overlap_ = Overlap::markers;
        } else if (overlap == "source") {
            overlap_ = Overlap::source;
        } else if (overlap == "target") {
            overlap_ = Overlap::target;
        } else if (overlap == "both") {
            overlap_ = Overlap::both;
        } else if (overlap != "decline") {
            throw setup.config.invalid("overlap", "decline, markers, source, target or both");
        }
        const std::int64_t size = setup.config.integer("max_size", kDefaultSize);
        if (size < 1 || size > kMaxSize) {
            throw setup.config.invalid("max_size", "a number of bytes from 1 to 67108864");
        }
        limit_ = static_cast<std::size_t>(size);
    }

    std::uint64_t base_content_limit() const override { return limit_; }

    sdk::Decision decide(sdk::Call& call, const sdk::Conflict& conflict) override {
        using sdk::Decision;
        if (conflict.kind != SYNCLINE_CONFLICT_BOTH_CHANGED || !conflict.source ||
            !conflict.target || conflict.source->kind() != sdk::Kind::kObject ||
            conflict.target->kind() != sdk::Kind::kObject || !conflict.source_content ||
            !conflict.target_content) {
            return Decision::decline("only two changed contents can be merged");
        }
        if (!conflict.base_content) {
            return Decision::decline("the common version's content is not known");
        }
        for (const sdk::Content* content :
             {&conflict.base_content, &conflict.source_content, &conflict.target_content}) {
            if (content->size().value_or(0) > limit_) {
                return Decision::decline("larger than max_size, " + std::to_string(limit_) +
                                         " bytes");
            }
        }
        const std::string base = conflict.base_content.read_all(limit_);
        const std::string source = conflict.source_content.read_all(limit_);
        const std::string target = conflict.target_content.read_all(limit_);
        call.throw_if_cancelled();
        const strategies::TextMerge merge = strategies::merge_text(
            base, source, target, overlap_, "source: " + std::string(conflict.source_label),
            "target: " + std::string(conflict.target_label));
        if (!merge.merged) {
            return Decision::decline(merge.why);
        }
        conflict.merged.write(merge.text);
        return Decision::merge(merge.clean ? "the changes of both sides are merged" : unclean());
    }

private:
    std::string unclean() const {
        switch (overlap_) {
        case strategies::Overlap::source:
            return "merged; where both changed the same lines, the source's are kept";
        case strategies::Overlap::target:
            return "merged; where both changed the same lines, the target's are kept";
        case strategies::Overlap::both:
            return "merged; where both changed the same lines, both are kept";
        default:
            return "merged, with conflict markers where both changed the same lines";
        }
    }

    strategies::Overlap overlap_ = strategies::Overlap::decline;
    std::size_t limit_;
};

} // namespace

SYNCLINE_PLUGIN(sdk::strategy<MergeText>(
    sdk::Descriptor("syncline.strategy.merge-text", "1.0.0", "Merge text")
        .vendor("Syncline")
        .description("Merges the lines that both sides changed, three ways")
        .schema(kSchema)));
