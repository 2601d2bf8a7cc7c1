#include "syncline/execute/executor.hpp"

#include "fakes/fake_clock.hpp"
#include "fakes/fake_connector.hpp"
#include "fakes/fake_state.hpp"
#include "syncline/pool/worker_pool.hpp"

#include <boost/test/unit_test.hpp>

using namespace syncline;
using namespace syncline::fakes;

namespace {

// A source whose items a plan creates on an empty target.
class Fixture {
public:
    Fixture() {
        auto a = std::make_unique<FakeConnector>();
        auto b = std::make_unique<FakeConnector>();
        source = a.get();
        target = b.get();
        source_ = endpoint(std::move(a));
        target_ = endpoint(std::move(b));
        BOOST_REQUIRE(pool_->start().ok());
    }
    void plan_create(const Bytes& key, const Bytes& content) {
        source->add_object(key, content, 1'000);
        PlannedOp op;
        op.key = key;
        op.action = Action::create;
        op.phase = Phase::write_content;
        op.source = source->item(key);
        op.source->key.clear();
        BOOST_REQUIRE(plan.add(op).ok());
    }
    Result<ExecuteResult> execute() {
        const ExecuteInputs inputs{*source_,
                                   *target_,
                                   plan,
                                   base,
                                   *pool_,
                                   nullptr,
                                   progress_,
                                   clock_,
                                   [this](const OpReport& report) {
                                       reported.push_back(report.op.key);
                                       return Status();
                                   },
                                   ExecuteOptions{}};
        return execute_plan(inputs, {}, {});
    }

    FakeConnector* source = nullptr;
    FakeConnector* target = nullptr;
    FakePlanStore plan;
    FakeBaseStore base;
    std::vector<Bytes> reported;

private:
    std::unique_ptr<Endpoint> endpoint(std::unique_ptr<Connector> connector) {
        EndpointOptions options;
        options.guard.retry.max_attempts = 1;
        auto made = make_endpoint(std::move(connector), std::move(options), clock_, {});
        BOOST_REQUIRE_MESSAGE(made.ok(), made.status().message());
        return *std::move(made);
    }

    FakeClock clock_;
    RunProgress progress_;
    std::unique_ptr<Endpoint> source_;
    std::unique_ptr<Endpoint> target_;
    std::unique_ptr<WorkerPool> pool_ =
        make_worker_pool({.workers = 2, .capacity = 8}, system_clock());
};

} // namespace

BOOST_AUTO_TEST_SUITE(executor)

BOOST_AUTO_TEST_CASE(what_workers_did_adds_up_and_the_base_knows_all_of_it) {
    Fixture f;
    std::uint64_t bytes = 0;
    for (int i = 0; i < 1000; ++i) {
        const Bytes content(static_cast<std::size_t>(i % 50), 'x');
        bytes += content.size();
        f.plan_create("d" + std::to_string(i / 100) + "/" + std::to_string(i), content);
    }
    f.target->add_object("d3/333", "somebody was faster", 1'000);
    const Result<ExecuteResult> result = f.execute();
    BOOST_REQUIRE_MESSAGE(result.ok(), result.status().message());
    const Outcomes& outcomes = result->outcomes;
    BOOST_TEST(outcomes.planned == 1000U);
    BOOST_TEST(outcomes.ok == 999U);
    BOOST_TEST(outcomes.pending == 1U);
    BOOST_TEST(outcomes.failed == 0U);
    BOOST_TEST(result->done[static_cast<std::size_t>(Action::create)] == 999U);
    BOOST_TEST(result->bytes == bytes - 33);
    BOOST_TEST(f.base.committed().size() == 999U);
    BOOST_TEST(!f.base.committed().contains("d3/333"));
    BOOST_TEST((f.reported == std::vector<Bytes>{"d3/333"}));
}

BOOST_AUTO_TEST_CASE(a_plan_that_cannot_be_read_on_a_worker_ends_the_run) {
    Fixture f;
    f.plan_create("k", "content");
    f.plan.unpack_failure = Status(Code::io, "damaged");
    BOOST_TEST((f.execute().code() == Code::io));
    BOOST_TEST(f.target->contents().empty());
    BOOST_TEST(f.base.committed().empty());
}

BOOST_AUTO_TEST_SUITE_END()
