#include "fakes/fake_state.hpp"
#include "state_fixture.hpp"

#include <boost/mpl/list.hpp>
#include <random>
#include <sqlite3.h>
#include <sys/resource.h>
#include <tuple>
#include <vector>

using namespace syncline;
using namespace syncline::test;

namespace {

class RealPlan {
public:
    PlanStore& store() { return *plan_; }

private:
    TemporaryDirectory directory_;
    OpenState state_{directory_.path()};
    std::unique_ptr<PlanStore> plan_ = require_value(state_.sync->new_plan());
};

class FakePlan {
public:
    PlanStore& store() { return plan_; }

private:
    fakes::FakePlanStore plan_;
};

using Plans = boost::mpl::list<RealPlan, FakePlan>;

PlannedOp op_of(BytesView key, Action action, Side side, Phase phase,
                ItemKind kind = ItemKind::object) {
    PlannedOp op;
    op.key = Bytes(key);
    op.action = action;
    op.side = side;
    op.phase = phase;
    op.kind = kind;
    return op;
}

PlannedOp sized(PlannedOp op, std::uint64_t source_size, std::uint64_t target_size) {
    op.source.emplace().size = source_size;
    op.target.emplace().size = target_size;
    return op;
}

std::int64_t add(PlanStore& store, const PlannedOp& op) { return require_value(store.add(op)); }

std::vector<Bytes> keys_of(PlanStore& store, Phase phase) {
    std::vector<Bytes> keys;
    require_ok(store.each(phase, [&](PlannedOp&& op) {
        BOOST_TEST((op.phase == phase));
        keys.push_back(std::move(op.key));
        return true;
    }));
    return keys;
}

std::vector<Bytes> keys_in_order(PlanStore& store) {
    std::vector<Bytes> keys;
    require_ok(store.each_in_key_order([&](PlannedOp&& op) {
        keys.push_back(std::move(op.key));
        return true;
    }));
    return keys;
}

using Keys = std::vector<Bytes>;

void check_equal(const std::optional<Item>& a, const std::optional<Item>& b) {
    BOOST_REQUIRE(a.has_value() == b.has_value());
    if (a) {
        BOOST_TEST(a->key == b->key);
        BOOST_TEST(a->version == b->version);
        BOOST_TEST(a->hash == b->hash);
        BOOST_TEST(a->meta == b->meta);
        BOOST_TEST(a->id == b->id);
        BOOST_TEST(a->size == b->size);
        BOOST_TEST(a->mtime_ns == b->mtime_ns);
        BOOST_TEST((a->hash_algo == b->hash_algo));
        BOOST_TEST((a->kind == b->kind));
        BOOST_TEST(a->unreadable == b->unreadable);
        BOOST_TEST(a->unsettled == b->unsettled);
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(plan_store)

BOOST_AUTO_TEST_CASE_TEMPLATE(an_operation_comes_back_as_it_was, Plan, Plans) {
    Plan plan;
    PlannedOp op = op_of(BytesView("k\0\xff", 3), Action::keep_both, Side::source,
                         Phase::conflict_copies, ItemKind::link);
    op.conflict = ConflictKind::rename_rename;
    op.differs = true;
    op.unreadable = true;
    op.has_base = true;
    op.base_hash = Bytes(16, '\0');
    op.base_meta = "meta";
    op.other_key = "k (conflict)";
    op.reason = "both changed; \xe2\x98\x83";
    Item& source = op.source.emplace();
    source.key = "new name";
    source.version = Bytes("\0v", 2);
    source.hash = Bytes(32, '\xff');
    source.meta = "m";
    source.id = "i";
    source.size = 0;
    source.mtime_ns = INT64_MAX;
    source.hash_algo = HashAlgo::sha256;
    source.kind = ItemKind::link;
    source.unreadable = true;
    Item& target = op.target.emplace();
    target.size = kUnknownSize;
    target.mtime_ns = kUnknownTime;
    target.kind = ItemKind::unsupported;
    target.unsettled = true;

    const std::int64_t plain =
        add(plan.store(), op_of("plain", Action::skip, Side::target, Phase::none));
    const std::int64_t id = add(plan.store(), op);
    BOOST_TEST(plain < id);
    const PlannedOp found = require_value(plan.store().at(id));
    BOOST_TEST(found.id == id);
    BOOST_TEST((found.key == op.key));
    BOOST_TEST((found.action == op.action));
    BOOST_TEST((found.side == op.side));
    BOOST_TEST((found.phase == op.phase));
    BOOST_TEST((found.kind == op.kind));
    BOOST_TEST((found.conflict == op.conflict));
    BOOST_TEST(found.differs);
    BOOST_TEST(found.unreadable);
    BOOST_TEST(found.has_base);
    BOOST_TEST((found.base_hash == op.base_hash));
    BOOST_TEST(found.base_meta == op.base_meta);
    BOOST_TEST(found.other_key == op.other_key);
    BOOST_TEST(found.reason == op.reason);
    check_equal(found.source, op.source);
    check_equal(found.target, op.target);
    const PlannedOp simple = require_value(plan.store().at(plain));
    BOOST_TEST(!simple.source.has_value());
    BOOST_TEST(!simple.target.has_value());
    BOOST_TEST(!simple.has_base);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(replacing_changes_one_operation, Plan, Plans) {
    Plan plan;
    add(plan.store(), op_of("a", Action::create, Side::target, Phase::write_content));
    const std::int64_t id =
        add(plan.store(), op_of("b", Action::create, Side::target, Phase::write_content));
    PlannedOp op = op_of("b", Action::conflict, Side::target, Phase::none);
    op.id = id;
    op.other_key = "c";
    require_ok(plan.store().replace(op));
    BOOST_TEST(require_value(plan.store().at(id)).other_key == "c");
    BOOST_TEST((keys_of(plan.store(), Phase::write_content) == Keys{"a"}));
    op.id = 99;
    BOOST_TEST((plan.store().replace(op).code() == Code::not_found));
    BOOST_TEST((plan.store().at(99).code() == Code::not_found));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(phases_are_read_in_key_order_and_containers_go_deepest_first, Plan,
                              Plans) {
    Plan plan;
    for (const char* key : {"a/", "a/b/", "c/"}) {
        add(plan.store(), op_of(key, Action::remove, Side::target, Phase::remove_containers,
                                ItemKind::container));
        add(plan.store(),
            op_of(key, Action::remove, Side::source, Phase::clear_containers, ItemKind::container));
        add(plan.store(), op_of(key, Action::create, Side::source, Phase::create_containers,
                                ItemKind::container));
    }
    BOOST_TEST((keys_of(plan.store(), Phase::remove_containers) == Keys{"c/", "a/b/", "a/"}));
    BOOST_TEST((keys_of(plan.store(), Phase::clear_containers) == Keys{"c/", "a/b/", "a/"}));
    BOOST_TEST((keys_of(plan.store(), Phase::create_containers) == Keys{"a/", "a/b/", "c/"}));
    BOOST_TEST(keys_of(plan.store(), Phase::bookkeeping).empty());
    BOOST_TEST(keys_in_order(plan.store()).size() == 9U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_visit_can_stop, Plan, Plans) {
    Plan plan;
    for (const char* key : {"a", "b", "c"}) {
        add(plan.store(), op_of(key, Action::record, Side::target, Phase::bookkeeping));
    }
    int visits = 0;
    const auto once = [&](PlannedOp&&) {
        ++visits;
        return false;
    };
    require_ok(plan.store().each(Phase::bookkeeping, once));
    require_ok(plan.store().each_in_key_order(once));
    BOOST_TEST(visits == 2);
    add(plan.store(), op_of("d", Action::record, Side::target, Phase::bookkeeping));
    BOOST_TEST((keys_of(plan.store(), Phase::bookkeeping) == Keys{"a", "b", "c", "d"}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(removals_become_creations_on_the_other_side, Plan, Plans) {
    Plan plan;
    const auto remove = [](const char* key, Side side, ItemKind kind = ItemKind::object) {
        PlannedOp op = op_of(
            key, Action::remove, side,
            kind == ItemKind::container ? Phase::remove_containers : Phase::remove_content, kind);
        op.reason = "deleted on the other side";
        return op;
    };
    add(plan.store(), remove("before", Side::target));
    const std::int64_t first = add(plan.store(), remove("d/", Side::target, ItemKind::container));
    add(plan.store(), remove("d/a", Side::target));
    add(plan.store(), remove("d/b", Side::source));
    const std::int64_t kept =
        add(plan.store(), op_of("d/c", Action::update, Side::target, Phase::write_content));
    const std::int64_t last = add(plan.store(), remove("d/l", Side::target, ItemKind::link));
    add(plan.store(), remove("e", Side::target));

    require_ok(
        plan.store().removals_to_creations(first, last, Side::target, "its container comes back"));
    BOOST_TEST((keys_of(plan.store(), Phase::create_containers) == Keys{"d/"}));
    BOOST_TEST((keys_of(plan.store(), Phase::write_content) == Keys{"d/a", "d/c", "d/l"}));
    BOOST_TEST((keys_of(plan.store(), Phase::remove_content) == Keys{"before", "d/b", "e"}));
    const PlannedOp changed = require_value(plan.store().at(first));
    BOOST_TEST((changed.action == Action::create));
    BOOST_TEST((changed.side == Side::source));
    BOOST_TEST(changed.reason == "its container comes back");
    BOOST_TEST((require_value(plan.store().at(kept)).action == Action::update));
    BOOST_TEST(require_value(plan.store().at(kept)).reason.empty());
    const PlanCounts counts = require_value(plan.store().counts());
    BOOST_TEST(counts.actions[static_cast<std::size_t>(Action::create)] == 3U);
    BOOST_TEST(counts.removals[0] == 1U);
    BOOST_TEST(counts.removals[1] == 2U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_gives_way_to_another_kind_is_removed_first, Plan, Plans) {
    Plan plan;
    add(plan.store(), op_of("b", Action::create, Side::target, Phase::write_content));
    const std::int64_t first =
        add(plan.store(), op_of("d/", Action::create, Side::target, Phase::create_containers,
                                ItemKind::container));
    add(plan.store(), op_of("d/a", Action::create, Side::target, Phase::write_content));
    add(plan.store(), op_of("d/b", Action::remove, Side::source, Phase::remove_content));
    add(plan.store(), op_of("d/c", Action::remove, Side::target, Phase::remove_content));
    add(plan.store(), op_of("d/d", Action::create, Side::source, Phase::write_content));
    const std::int64_t last =
        add(plan.store(), op_of("d/e/", Action::remove, Side::source, Phase::remove_containers,
                                ItemKind::container));
    add(plan.store(), op_of("e", Action::remove, Side::source, Phase::remove_content));

    require_ok(plan.store().clear_for_other_kind(first, last, Side::source));
    BOOST_TEST((keys_of(plan.store(), Phase::clear_content) == Keys{"d/a", "d/b"}));
    BOOST_TEST((keys_of(plan.store(), Phase::clear_containers) == Keys{"d/e/", "d/"}));
    BOOST_TEST((keys_of(plan.store(), Phase::write_content) == Keys{"b", "d/d"}));
    BOOST_TEST((keys_of(plan.store(), Phase::remove_content) == Keys{"d/c", "e"}));
    const PlannedOp changed = require_value(plan.store().at(first));
    BOOST_TEST((changed.action == Action::remove));
    BOOST_TEST((changed.side == Side::source));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(ids_do_not_come_twice_after_a_drop, Plan, Plans) {
    Plan plan;
    add(plan.store(), op_of("a", Action::record, Side::target, Phase::bookkeeping));
    const std::int64_t second =
        add(plan.store(), op_of("b", Action::record, Side::target, Phase::bookkeeping));
    const std::int64_t third =
        add(plan.store(), op_of("c", Action::record, Side::target, Phase::bookkeeping));
    require_ok(plan.store().drop(second, third));
    require_ok(plan.store().drop(third, second));
    BOOST_TEST((keys_in_order(plan.store()) == Keys{"a"}));
    BOOST_TEST(add(plan.store(), op_of("d", Action::record, Side::target, Phase::bookkeeping)) >
               third);
    BOOST_TEST((keys_of(plan.store(), Phase::bookkeeping) == Keys{"a", "d"}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(counts_say_what_would_be_done, Plan, Plans) {
    Plan plan;
    BOOST_TEST(require_value(plan.store().counts()).bytes == 0U);
    PlanStore& store = plan.store();
    add(store, sized(op_of("a", Action::create, Side::target, Phase::write_content), 1, 1'000'000));
    add(store,
        sized(op_of("b", Action::update, Side::source, Phase::write_content), 1'000'000, 20));
    add(store,
        sized(op_of("c", Action::keep_both, Side::target, Phase::conflict_copies), 300, 1'000'000));
    add(store, sized(op_of("d", Action::update, Side::target, Phase::write_content), kUnknownSize,
                     1'000'000));
    add(store, sized(op_of("e/", Action::create, Side::target, Phase::create_containers,
                           ItemKind::container),
                     4096, 1));
    add(store, sized(op_of("f", Action::remove, Side::target, Phase::remove_content), 5, 5));
    add(store, op_of("g", Action::create, Side::target, Phase::write_content));
    add(store, sized(op_of("h", Action::record, Side::target, Phase::bookkeeping), 7, 7));
    const PlanCounts counts = require_value(store.counts());
    BOOST_TEST(counts.bytes == 321U);
    BOOST_TEST(counts.actions[static_cast<std::size_t>(Action::create)] == 3U);
    BOOST_TEST(counts.actions[static_cast<std::size_t>(Action::update)] == 2U);
    BOOST_TEST(counts.actions[static_cast<std::size_t>(Action::record)] == 1U);
    BOOST_TEST(counts.phases[static_cast<std::size_t>(Phase::write_content)] == 4U);
    BOOST_TEST(counts.phases[static_cast<std::size_t>(Phase::none)] == 0U);
    BOOST_TEST(counts.removals[static_cast<std::size_t>(Side::target)] == 1U);
    BOOST_TEST(counts.removals[static_cast<std::size_t>(Side::source)] == 0U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(counts_and_visits_follow_a_plan_that_grows_and_changes, Plan, Plans) {
    Plan plan;
    PlanStore& store = plan.store();
    constexpr std::int64_t kMany = 100;
    for (std::int64_t n = 0; n < kMany; ++n) {
        PlannedOp op = sized(
            op_of(std::to_string(100 + n), Action::create, Side::target, Phase::write_content), 10,
            1);
        op.id = add(store, op);
        if (n % 7 == 3) { // the last one added, which may not be written yet
            op.action = Action::remove;
            op.phase = Phase::remove_content;
            require_ok(store.replace(op));
            BOOST_TEST((require_value(store.at(op.id)).action == Action::remove));
        }
        const PlanCounts counts = require_value(store.counts());
        const std::int64_t removed = (n + 4) / 7;
        BOOST_TEST(counts.removals[static_cast<std::size_t>(Side::target)] ==
                   static_cast<std::uint64_t>(removed));
        BOOST_TEST(counts.bytes == static_cast<std::uint64_t>(n + 1 - removed) * 10);
    }
    BOOST_TEST(keys_in_order(store).size() == static_cast<std::size_t>(kMany));
    BOOST_TEST(keys_of(store, Phase::remove_content).size() == 14U);
    BOOST_TEST(keys_of(store, Phase::write_content).size() == 86U);
}

// Pages are an affair of the real one, so whatever is done in whatever order must look as if there
// were none.
BOOST_AUTO_TEST_CASE(any_sequence_of_changes_ends_as_in_memory) {
    const auto seed = static_cast<unsigned>(std::random_device{}());
    BOOST_TEST_CONTEXT("seed " << seed) {
        std::mt19937 random(seed);
        const auto below = [&](std::int64_t limit) {
            return std::uniform_int_distribution<std::int64_t>(0, limit - 1)(random);
        };
        RealPlan real;
        FakePlan fake;
        std::int64_t last = 0;
        const auto drawn = [&] {
            PlannedOp op = sized(
                op_of("", below(2) == 0 ? Action::create : Action::remove,
                      below(2) == 0 ? Side::source : Side::target, Phase::write_content,
                      below(4) == 0 ? ItemKind::container : ItemKind::object),
                static_cast<std::uint64_t>(below(1000)), static_cast<std::uint64_t>(below(1000)));
            op.phase = static_cast<Phase>(1 + below(static_cast<std::int64_t>(kPhaseCount)));
            op.reason = std::string(static_cast<std::size_t>(below(10) == 0 ? 9000 : 3), 'r');
            return op;
        };
        const auto check_same = [&] {
            const auto all = [](PlanStore& store) {
                std::vector<std::tuple<std::int64_t, Bytes, Action, Side, Phase, std::string>> ops;
                require_ok(store.each_in_key_order([&](PlannedOp&& op) {
                    ops.emplace_back(op.id, op.key, op.action, op.side, op.phase, op.reason);
                    return true;
                }));
                return ops;
            };
            BOOST_TEST((all(real.store()) == all(fake.store())));
            const PlanCounts a = require_value(real.store().counts());
            const PlanCounts b = require_value(fake.store().counts());
            BOOST_TEST((a.actions == b.actions));
            BOOST_TEST((a.phases == b.phases));
            BOOST_TEST((a.removals == b.removals));
            BOOST_TEST(a.bytes == b.bytes);
            const auto phase =
                static_cast<Phase>(1 + below(static_cast<std::int64_t>(kPhaseCount)));
            BOOST_TEST((keys_of(real.store(), phase) == keys_of(fake.store(), phase)));
        };
        for (int step = 0; step < 3000; ++step) {
            const std::int64_t from = last == 0 ? 1 : 1 + below(last);
            const std::int64_t to = from + below(below(4) == 0 ? 300 : 5);
            switch (below(12)) {
            case 0:
                for (PlanStore* store : {&real.store(), &fake.store()}) {
                    require_ok(store->drop(from, from));
                }
                break;
            case 1:
                if (below(20) == 0) {
                    for (PlanStore* store : {&real.store(), &fake.store()}) {
                        require_ok(store->drop(from, to));
                    }
                }
                break;
            case 2:
                for (PlanStore* store : {&real.store(), &fake.store()}) {
                    require_ok(store->removals_to_creations(from, to, Side::target, "back"));
                }
                break;
            case 3:
                for (PlanStore* store : {&real.store(), &fake.store()}) {
                    require_ok(store->clear_for_other_kind(from, to, Side::source));
                }
                break;
            case 4: {
                PlannedOp op = drawn();
                op.id = from;
                op.key = "replaced";
                const Code code = real.store().replace(op).code();
                BOOST_TEST((code == fake.store().replace(op).code()));
                break;
            }
            case 5: {
                const Result<PlannedOp> a = real.store().at(from);
                const Result<PlannedOp> b = fake.store().at(from);
                BOOST_TEST((a.code() == b.code()));
                if (a.ok() && b.ok()) {
                    BOOST_TEST((a->key == b->key));
                    BOOST_TEST((a->action == b->action));
                }
                break;
            }
            case 6:
                if (below(30) == 0) {
                    check_same();
                }
                break;
            default: {
                PlannedOp op = drawn();
                op.key = std::to_string(100'000 + step);
                last = add(real.store(), op);
                BOOST_TEST(add(fake.store(), op) == last);
            }
            }
        }
        check_same();
    }
}

BOOST_AUTO_TEST_CASE(the_spool_is_private_and_goes_with_the_store) {
    const TemporaryDirectory directory;
    const OpenState state(directory.path());
    const auto spools = [&] {
        std::vector<std::filesystem::path> found;
        for (const auto& file : std::filesystem::directory_iterator(directory.path())) {
            if (file.path().filename().native().starts_with("plan-")) {
                found.push_back(file.path());
            }
        }
        return found;
    };
    {
        const auto plan = require_value(state.sync->new_plan());
        add(*plan, op_of("a", Action::record, Side::target, Phase::bookkeeping));
        BOOST_REQUIRE(spools().size() == 1U);
        BOOST_TEST((std::filesystem::status(spools().front()).permissions() ==
                    std::filesystem::perms(0600)));
    }
    BOOST_TEST(spools().empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(packed_operations_tell_what_they_are_and_unpack, Plan, Plans) {
    Plan plan;
    PlanStore& store = plan.store();
    const auto content = Phase::write_content;
    add(store, op_of("d/", Action::create, Side::target, Phase::create_containers));
    for (int i = 0; i < 100; ++i) { // more than a page
        PlannedOp op = sized(op_of("d/" + std::to_string(100 + i), Action::create,
                                   i % 2 == 0 ? Side::target : Side::source, content),
                             10, 20);
        op.source->version = "version " + std::to_string(i);
        op.reason = "new";
        add(store, op);
    }
    add(store, op_of("e", Action::remove, Side::target, content));
    require_ok(store.drop(3, 50));

    std::vector<std::tuple<std::int64_t, Bytes, Bytes>> packed;
    require_ok(store.each_packed(content, [&](const PackedOp& op) {
        BOOST_TEST((op.action == (op.key == "e" ? Action::remove : Action::create)));
        BOOST_TEST(op.content == (op.key == "e" ? 0U : op.id % 2 == 0 ? 10U : 20U));
        packed.emplace_back(op.id, Bytes(op.key), Bytes(op.bytes));
        return true;
    }));
    BOOST_REQUIRE(packed.size() == 53U);
    std::size_t at = 0;
    require_ok(store.each(content, [&](PlannedOp&& expected) {
        const auto& [id, key, bytes] = packed[at++];
        PlannedOp op;
        require_ok(store.unpack(id, bytes, op));
        BOOST_TEST(op.id == expected.id);
        BOOST_TEST(op.key == expected.key);
        BOOST_TEST(op.key == key);
        BOOST_TEST((op.action == expected.action));
        BOOST_TEST((op.side == expected.side));
        BOOST_TEST((op.phase == content));
        BOOST_TEST(op.reason == expected.reason);
        check_equal(op.source, expected.source);
        check_equal(op.target, expected.target);
        return true;
    }));
    BOOST_TEST(at == packed.size());

    std::size_t visited = 0;
    require_ok(store.each_packed(content, [&](const PackedOp&) { return ++visited < 2; }));
    BOOST_TEST(visited == 2U);
}

BOOST_AUTO_TEST_CASE(an_unknown_size_stays_unknown_and_damaged_bytes_are_refused) {
    RealPlan plan;
    add(plan.store(),
        sized(op_of("k", Action::update, Side::target, Phase::write_content), kUnknownSize, 3));
    Bytes bytes;
    require_ok(plan.store().each_packed(Phase::write_content, [&](const PackedOp& op) {
        BOOST_TEST(op.content == kUnknownSize);
        bytes = Bytes(op.bytes);
        return true;
    }));
    PlannedOp op;
    require_ok(plan.store().unpack(1, bytes, op));
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        PlannedOp none;
        BOOST_TEST(
            (plan.store().unpack(1, BytesView(bytes).substr(0, length), none).code() == Code::io));
    }
}

BOOST_AUTO_TEST_CASE(a_plan_that_an_interrupted_run_left_is_replaced) {
    const TemporaryDirectory directory;
    BOOST_TEST(in_child([&] {
                   OpenState state(directory.path());
                   auto plan = state.sync->new_plan();
                   if (!plan.ok() ||
                       !(*plan)
                            ->add(op_of("old", Action::record, Side::target, Phase::bookkeeping))
                            .ok()) {
                       return 1;
                   }
                   ::kill(::getpid(), SIGKILL);
                   return 2;
               }) == -SIGKILL);
    const OpenState state(directory.path());
    const auto plan = require_value(state.sync->new_plan());
    BOOST_TEST(keys_in_order(*plan).empty());
}

BOOST_AUTO_TEST_CASE(memory_does_not_grow_with_the_plan) {
    const TemporaryDirectory directory;
    const OpenState state(directory.path());
    const auto plan = require_value(state.sync->new_plan());
    sqlite3_memory_highwater(1);
    PlannedOp op = sized(op_of("", Action::create, Side::target, Phase::write_content), 10, 10);
    op.source->version = Bytes(32, 'v');
    constexpr std::int64_t kOps = 100'000;
    for (std::int64_t i = 0; i < kOps; ++i) {
        op.key = "directory/item-" + std::to_string(100'000'000 + i);
        op.phase = i % 1000 == 0 ? Phase::create_containers : Phase::write_content;
        BOOST_REQUIRE(plan->add(op).ok());
    }
    require_ok(plan->clear_for_other_kind(1, kOps, Side::source));
    require_ok(plan->removals_to_creations(1, kOps, Side::source, "back"));
    BOOST_TEST(require_value(plan->counts()).bytes == 1'000'000U);
    std::int64_t visited = 0;
    require_ok(plan->each(Phase::write_content, [&](PlannedOp&& found) {
        visited += found.reason == "back" ? 1 : 0;
        return true;
    }));
    BOOST_TEST(visited == kOps);
    BOOST_TEST(sqlite3_memory_highwater(0) < 8 << 20);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_reported) {
    const TemporaryDirectory directory;
    BOOST_TEST(in_child([&] {
                   std::signal(SIGXFSZ, SIG_IGN);
                   OpenState state(directory.path());
                   auto plan = state.sync->new_plan();
                   if (!plan.ok()) {
                       return 1;
                   }
                   const rlimit tight{256 * 1024, RLIM_INFINITY};
                   ::setrlimit(RLIMIT_FSIZE, &tight);
                   PlannedOp op = op_of("key", Action::record, Side::target, Phase::bookkeeping);
                   op.reason = std::string(1000, 'x');
                   for (int i = 0; i < 100'000; ++i) {
                       const Status status = (*plan)->add(op).status();
                       if (!status.ok()) {
                           return status.code() == Code::quota_exceeded ? 0 : 2;
                       }
                   }
                   return 3;
               }) == 0);
}

BOOST_AUTO_TEST_CASE(the_fake_fails_when_told) {
    fakes::FakeSyncState state;
    state.data->plan_failure->at_call(2, {Code::quota_exceeded, "disk full"}, true);
    const auto plan = require_value(state.new_plan());
    add(*plan, op_of("a", Action::record, Side::target, Phase::bookkeeping));
    BOOST_TEST((plan->counts().code() == Code::quota_exceeded));
    BOOST_TEST((plan->drop(1, 1).code() == Code::quota_exceeded));
}

BOOST_AUTO_TEST_SUITE_END()
