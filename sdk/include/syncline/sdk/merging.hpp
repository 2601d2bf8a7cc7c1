/// A strategy that merges three ways: derive from MergingStrategy, and merge() is asked only about
/// conflicts that can be merged, with all three contents in memory.
///
///     class MyMerge final : public sdk::MergingStrategy {
///     public:
///         explicit MyMerge(const sdk::Setup& setup) : MergingStrategy(setup, 1 << 24) {
///             setup.config.only({"max_size"});
///         }
///         sdk::Decision merge(sdk::Call&, const sdk::Conflict& conflict,
///                             const Contents& contents) override {
///             conflict.merged.write(...);
///             return sdk::Decision::merge("the changes of both sides are merged");
///         }
///     };
#ifndef SYNCLINE_SDK_MERGING_HPP
#define SYNCLINE_SDK_MERGING_HPP

#include <syncline/sdk/strategy.hpp>

#include <cstdint>
#include <string>

namespace syncline::sdk {

class MergingStrategy : public ConflictStrategy, public BaseContentUser {
public:
    struct Contents {
        std::string base;
        std::string source;
        std::string target;
    };

    /// Reads the setting `max_size`: larger contents are declined. `most`: the largest value that
    /// it takes; both in bytes. Name the setting in your schema and in Config::only().
    MergingStrategy(const Setup& setup, std::int64_t most, std::int64_t usual = 1 << 20) {
        const std::int64_t size = setup.config.integer("max_size", usual);
        if (size < 1 || size > most) {
            throw setup.config.invalid("max_size",
                                       "a number of bytes from 1 to " + std::to_string(most));
        }
        limit_ = static_cast<std::size_t>(size);
    }

    std::uint64_t base_content_limit() const override { return limit_; }

    Decision decide(Call& call, const Conflict& conflict) override {
        if (conflict.kind != SYNCLINE_CONFLICT_BOTH_CHANGED || !conflict.source ||
            !conflict.target || conflict.source->kind() != Kind::kObject ||
            conflict.target->kind() != Kind::kObject || !conflict.source_content ||
            !conflict.target_content) {
            return Decision::decline("only two changed contents can be merged");
        }
        if (!conflict.base_content) {
            return Decision::decline("the common version's content is not known");
        }
        for (const Content* content :
             {&conflict.base_content, &conflict.source_content, &conflict.target_content}) {
            if (content->size().value_or(0) > limit_) {
                return Decision::decline("larger than max_size, " + std::to_string(limit_) +
                                         " bytes");
            }
        }
        Contents contents;
        contents.base = conflict.base_content.read_all(limit_);
        contents.source = conflict.source_content.read_all(limit_);
        contents.target = conflict.target_content.read_all(limit_);
        call.throw_if_cancelled();
        return merge(call, conflict, contents);
    }

protected:
    /// Writes the result to `conflict.merged`, or declines or defers.
    virtual Decision merge(Call& call, const Conflict& conflict, const Contents& contents) = 0;
    std::size_t limit() const { return limit_; }

private:
    std::size_t limit_;
};

} // namespace syncline::sdk

#endif
