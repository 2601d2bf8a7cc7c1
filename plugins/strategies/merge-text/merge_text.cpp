/// The plugin library `merge-text`.
#include "text_merge.hpp"

#include <syncline/sdk/sdk.hpp>

namespace sdk = syncline::sdk;
namespace strategies = syncline::strategies;

namespace {

constexpr std::int64_t kMaxSize = std::int64_t{64} << 20; // what the host takes as a merge result

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

class MergeText final : public sdk::MergingStrategy {
public:
    explicit MergeText(const sdk::Setup& setup) : MergingStrategy(setup, kMaxSize) {
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
    }

    sdk::Decision merge(sdk::Call&, const sdk::Conflict& conflict,
                        const Contents& contents) override {
        using sdk::Decision;
        const strategies::TextMerge result =
            strategies::merge_text(contents.base, contents.source, contents.target, overlap_,
                                   "source: " + std::string(conflict.source_label),
                                   "target: " + std::string(conflict.target_label));
        if (!result.merged) {
            return Decision::decline(result.why);
        }
        conflict.merged.write(result.text);
        return Decision::merge(result.clean ? "the changes of both sides are merged" : unclean());
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
};

} // namespace

SYNCLINE_PLUGIN(sdk::strategy<MergeText>(
    sdk::Descriptor("syncline.strategy.merge-text", "1.0.0", "Merge text")
        .vendor("Syncline")
        .description("Merges the lines that both sides changed, three ways")
        .schema(kSchema)));
