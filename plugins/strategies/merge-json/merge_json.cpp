/// The plugin library `merge-json`.
#include "json_merge.hpp"

#include <syncline/sdk/sdk.hpp>

namespace sdk = syncline::sdk;
namespace strategies = syncline::strategies;

namespace {

constexpr std::int64_t kMaxSize = std::int64_t{16} << 20; // a tree takes many times its text
constexpr std::int64_t kDefaultSize = std::int64_t{1} << 20;

constexpr const char* kSchema = R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "identity": {
      "type": "array", "items": {"type": "string"},
      "description": "member that tells the elements of an array apart, so that they are merged one by one; the first that all elements have counts; default id (repeatable)"
    },
    "max_size": {
      "type": "integer", "minimum": 1, "maximum": 16777216,
      "description": "larger contents are declined; bytes, default 1048576"
    }
  }
})json";

class MergeJson final : public sdk::ConflictStrategy, public sdk::BaseContentUser {
public:
    explicit MergeJson(const sdk::Setup& setup) {
        setup.config.only({"identity", "max_size"});
        identity_ = setup.config.strings("identity");
        if (identity_.empty()) {
            identity_.emplace_back("id");
        }
        const std::int64_t size = setup.config.integer("max_size", kDefaultSize);
        if (size < 1 || size > kMaxSize) {
            throw setup.config.invalid("max_size", "a number of bytes from 1 to 16777216");
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
        const strategies::JsonMerge merge = strategies::merge_json(base, source, target, identity_);
        if (!merge.merged) {
            return Decision::decline(merge.why);
        }
        conflict.merged.write(merge.text);
        return Decision::merge("the fields that either side changed are merged");
    }

private:
    std::vector<std::string> identity_;
    std::size_t limit_;
};

} // namespace

SYNCLINE_PLUGIN(sdk::strategy<MergeJson>(
    sdk::Descriptor("syncline.strategy.merge-json", "1.0.0", "Merge JSON")
        .vendor("Syncline")
        .description("Merges the fields of JSON documents that either side changed, three ways")
        .schema(kSchema)));
