#include "support.hpp"

#include <algorithm>

using namespace syncline;
using namespace syncline::test;

BOOST_AUTO_TEST_SUITE(strategy)

namespace {

class Text : public Content {
public:
    explicit Text(std::string text) : text_(std::move(text)) {}
    std::uint64_t size() const override { return text_.size(); }
    Result<std::size_t> read_at(const CallContext&, std::uint64_t offset, char* buffer,
                                std::size_t capacity) override {
        if (failing) {
            return Status(Code::unavailable, "the other side is away");
        }
        const std::string part = text_.substr(std::min<std::size_t>(offset, text_.size()));
        const std::size_t count = std::min(capacity, part.size());
        std::copy_n(part.data(), count, buffer);
        return count;
    }
    bool failing = false;

private:
    std::string text_;
};

struct Question {
    Question() {
        source.version = "s";
        conflict.key = "dir/a";
        conflict.source = &source;
        conflict.source_content = &content;
    }
    Item source;
    Text content{"hello"};
    Conflict conflict;
};

} // namespace

BOOST_AUTO_TEST_CASE(a_decision_arrives) {
    Lying lying;
    Question question;
    const auto keep = lying.strategy("good")->decide({}, question.conflict);
    BOOST_REQUIRE(keep.ok());
    BOOST_TEST((keep->action == DecisionAction::keep_source));
    BOOST_TEST(keep->reason == "because of good");
    const auto both = lying.strategy("decide_both")->decide({}, question.conflict);
    BOOST_REQUIRE(both.ok());
    BOOST_TEST((both->action == DecisionAction::keep_both));
    BOOST_TEST(both->source_key.empty());
    BOOST_TEST(both->target_key == "a.conflict");
    const auto merge = lying.strategy("merge_ok")->decide({}, question.conflict);
    BOOST_REQUIRE(merge.ok());
    BOOST_TEST(merge->merged == "ellodir/a");
}

BOOST_AUTO_TEST_CASE(an_unknown_action_is_deferred_with_its_reason) {
    Lying lying;
    const auto decision = lying.strategy("decide_99")->decide({}, Question().conflict);
    BOOST_REQUIRE(decision.ok());
    BOOST_TEST((decision->action == DecisionAction::defer));
    BOOST_TEST(decision->reason == "because of decide_99");
}

BOOST_AUTO_TEST_CASE(lies_in_decisions_are_errors) {
    Lying lying;
    const std::pair<const char*, const char*> cases[] = {{"decide_none", "without a decision"},
                                                         {"decide_twice", "decided twice"},
                                                         {"decide_null", "NULL or too short"},
                                                         {"decide_null_reason", "NULL"},
                                                         {"merge_late", "after its decision"}};
    for (const auto& [how, text] : cases) {
        BOOST_TEST_CONTEXT(how) {
            const auto decision = lying.strategy(how)->decide({}, Question().conflict);
            BOOST_TEST(decision.code() == Code::internal);
            BOOST_TEST(has_text(decision.status().message(), text));
        }
    }
    BOOST_TEST(lying.strategy("merge_huge")->decide({}, Question().conflict).code() ==
               Code::too_large);
}

BOOST_AUTO_TEST_CASE(content_that_cannot_be_read_is_the_error) {
    Lying lying;
    for (const char* how : {"merge_ok", "merge_hides"}) {
        Question question;
        question.content.failing = true;
        const auto decision = lying.strategy(how)->decide({}, question.conflict);
        BOOST_TEST(decision.code() == Code::unavailable);
    }
}

BOOST_AUTO_TEST_SUITE_END()
