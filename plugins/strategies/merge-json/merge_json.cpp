/// The plugin library `merge-json`.
#include "json_merge.hpp"

#include <syncline/sdk/sdk.hpp>

namespace sdk = syncline::sdk;
namespace strategies = syncline::strategies;

namespace {

constexpr std::int64_t kMaxSize = std::int64_t{16} << 20; // a tree takes many times its text

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

class MergeJson final : public sdk::MergingStrategy {
public:
    explicit MergeJson(const sdk::Setup& setup) : MergingStrategy(setup, kMaxSize) {
        setup.config.only({"identity", "max_size"});
        identity_ = setup.config.strings("identity");
        if (identity_.empty()) {
            identity_.emplace_back("id");
        }
    }

    sdk::Decision merge(sdk::Call&, const sdk::Conflict& conflict,
                        const Contents& contents) override {
        using sdk::Decision;
        const strategies::JsonMerge result =
            strategies::merge_json(contents.base, contents.source, contents.target, identity_);
        if (!result.merged) {
            return Decision::decline(result.why);
        }
        conflict.merged.write(result.text);
        return Decision::merge("the fields that either side changed are merged");
    }

private:
    std::vector<std::string> identity_;
};

} // namespace

SYNCLINE_PLUGIN(sdk::strategy<MergeJson>(
    sdk::Descriptor("syncline.strategy.merge-json", "1.0.0", "Merge JSON")
        .vendor("Syncline")
        .description("Merges the fields of JSON documents that either side changed, three ways")
        .schema(kSchema)));
