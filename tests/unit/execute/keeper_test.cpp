#include "execute/keeper.hpp"

#include "fakes/fake_archive.hpp"
#include "fakes/fake_clock.hpp"
#include "fakes/fake_connector.hpp"
#include "syncline/core/hash.hpp"

#include <boost/test/unit_test.hpp>

using namespace syncline;
using namespace syncline::fakes;

namespace {

// A store as the target of operations that are about to overwrite or remove `k`.
class Fixture {
public:
    Fixture() {
        auto source = std::make_unique<FakeConnector>();
        auto target = std::make_unique<FakeConnector>();
        store = target.get();
        store->add_object("k", "old content", 1'000);
        store->add_link("l", "points there");
        source_ = endpoint(std::move(source));
        target_ = endpoint(std::move(target));
        keeping.run = 7;
        keeping.archive = &archive;
        keeping.journal = &journal;
        keeping.fetches = true;
    }
    OpResult operation(Action action, const Bytes& key) const {
        PlannedOp op;
        op.key = key;
        op.action = action;
        op.kind = is_container_key(key) ? ItemKind::container : ItemKind::object;
        op.target = store->item(key);
        if (op.target) {
            op.kind = op.target->kind;
        }
        return OpResult(std::move(op));
    }
    std::vector<OpResult> keep(std::vector<OpResult> batch) {
        const Keeper keeper(*source_, *target_, keeping);
        keeper.keep(batch, {});
        return batch;
    }
    std::vector<OpResult> keep(Action action, const Bytes& key) {
        std::vector<OpResult> batch;
        batch.push_back(operation(action, key));
        return keep(std::move(batch));
    }
    std::optional<JournalEntry> entry(const Bytes& key) {
        const auto found = journal.find(7, key, Side::target);
        return found.ok() ? *found : std::nullopt;
    }

    FakeConnector* store = nullptr;
    FakeArchiveStore archive;
    FakeJournalStore journal;
    Keeping keeping;

private:
    std::unique_ptr<Endpoint> endpoint(std::unique_ptr<Connector> connector) {
        EndpointOptions options;
        options.guard.retry.max_attempts = 1;
        auto made = make_endpoint(std::move(connector), std::move(options), clock_, {});
        BOOST_REQUIRE_MESSAGE(made.ok(), made.status().message());
        return *std::move(made);
    }

    FakeClock clock_;
    std::unique_ptr<Endpoint> source_;
    std::unique_ptr<Endpoint> target_;
};

const Bytes& archived(const OpResult& result) {
    return result.archived[static_cast<std::size_t>(result.op.side)];
}

} // namespace

BOOST_AUTO_TEST_SUITE(keeper)

BOOST_AUTO_TEST_CASE(old_contents_of_a_batch_are_made_durable_once_and_journaled) {
    Fixture f;
    std::vector<OpResult> batch;
    batch.push_back(f.operation(Action::update, "k"));
    batch.push_back(f.operation(Action::remove, "l"));
    batch.push_back(f.operation(Action::create, "new"));
    batch.push_back(f.operation(Action::set_meta, "k"));
    batch = f.keep(std::move(batch));
    BOOST_TEST(f.archive.durable_calls == 1U);
    BOOST_TEST((archived(batch[0]) == sha256("old content")));
    BOOST_TEST((archived(batch[1]) == sha256("points there")));
    BOOST_TEST(archived(batch[2]).empty());
    BOOST_TEST(archived(batch[3]).empty());
    for (const OpResult& result : batch) {
        BOOST_TEST(result.keep_failed.ok());
    }
    BOOST_REQUIRE(f.entry("l").has_value());
    BOOST_TEST(!f.entry("l")->is_done);
    BOOST_TEST((f.entry("l")->action == Action::remove));
    BOOST_TEST((f.entry("l")->before->kind == ItemKind::link));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_archived_must_not_be_overwritten) {
    for (const std::size_t call : {1U, 2U}) { // put, make_durable
        Fixture f;
        f.archive.failure.at_call(call, Status(Code::quota_exceeded, "disk full"));
        const auto batch = f.keep(Action::update, "k");
        BOOST_TEST((batch[0].keep_failed.code() == Code::quota_exceeded));
        BOOST_TEST(batch[0].keep_failed.message().find("'k' could not be archived") !=
                   std::string::npos);
        BOOST_TEST(batch[0].keep_failed.message().find("disk full") != std::string::npos);
        BOOST_TEST(!f.entry("k").has_value());
    }
    Fixture f;
    f.journal.failure.at_call(1, Status(Code::io, "broken"));
    BOOST_TEST((f.keep(Action::remove, "k")[0].keep_failed.code() == Code::io));
}

BOOST_AUTO_TEST_CASE(what_a_bound_excludes_is_told_and_may_be_overwritten) {
    Fixture f;
    f.archive.limits.max_item_bytes = 4;
    const auto batch = f.keep(Action::update, "k");
    BOOST_TEST(batch[0].keep_failed.ok());
    BOOST_TEST(archived(batch[0]).empty());
    BOOST_TEST(batch[0].tells_not_kept);
    BOOST_TEST(batch[0].not_kept == "too large for the archive");
}

BOOST_AUTO_TEST_CASE(what_moved_or_went_is_left_to_the_operation) {
    Fixture f;
    std::vector<OpResult> batch;
    batch.push_back(f.operation(Action::update, "k"));
    batch.push_back(f.operation(Action::remove, "l"));
    f.store->add_object("k", "edited", 2'000);
    f.store->erase("l");
    batch = f.keep(std::move(batch));
    for (const OpResult& result : batch) {
        BOOST_TEST(result.keep_failed.ok());
        BOOST_TEST(archived(result).empty());
        BOOST_TEST(!result.intended[static_cast<std::size_t>(result.op.side)]);
    }
    BOOST_TEST(f.archive.durable_calls == 0U);
}

BOOST_AUTO_TEST_CASE(without_an_archive_or_with_contents_elsewhere_the_reason_is_kept) {
    Fixture f;
    f.keeping.fetches = false;
    auto batch = f.keep(Action::update, "k");
    BOOST_TEST(batch[0].not_kept.find("not local") != std::string::npos);
    BOOST_TEST(!batch[0].tells_not_kept, "that is how it was asked for");
    f.keeping.archive = nullptr;
    batch = f.keep(Action::update, "k");
    BOOST_TEST(batch[0].not_kept.find("switched off") != std::string::npos);
    f.keeping.journal = nullptr;
    BOOST_TEST(f.keep(Action::update, "k")[0].not_kept.empty());
}

BOOST_AUTO_TEST_SUITE_END()
