// What must hold for any trees, edits and faults. Names are few and alike, so that kinds collide
// and keys interleave
// (`a`, `a!`, `a-b`, `a/`, `a/...`, `a0`). RapidCheck prints the seed of a failure and shrinks the
// edits; RC_PARAMS="max_success=10000" runs more.
#include "fakes/world.hpp"

#include <mutex>
#include <rapidcheck.h>
#include <set>

using namespace syncline;
using namespace syncline::fakes;

namespace {

// One thing a person does to one side. Numbers, so that it shrinks well.
struct Edit {
    bool on_source = true;
    int path = 0;
    int what = 0; // 0..3 write, 4 link, 5 directory, 6 touch, 7..9 rename, else delete
    int content = 0;
};

std::ostream& operator<<(std::ostream& out, const Edit& edit) {
    return out << (edit.on_source ? "source" : "target") << " path " << edit.path << " what "
               << edit.what << " content " << edit.content;
}

constexpr int kPaths = 40;

Bytes path_of(int number) {
    static const std::vector<Bytes> names{"a", "a!", "a-b", "a0", "b"};
    const std::size_t n = names.size();
    const auto i = static_cast<std::size_t>(number);
    Bytes path = names[i % n];
    if (i >= n) {
        path = names[(i / n) % n] + "/" + path;
    }
    if (i >= n * n) {
        path = names[(i / (n * n) + 1) % n] + "/" + path;
    }
    return path;
}

// A file system's rules on a store that has none: what is written displaces what stood in its way.
void erase_tree(FakeConnector& store, const Bytes& path) {
    for (const auto& [key, unused] : store.contents()) {
        if (key == path || key.starts_with(path + "/")) {
            store.erase(key);
        }
    }
}

void make_parents(FakeConnector& store, const Bytes& path) {
    for (std::size_t at = path.find('/'); at != Bytes::npos; at = path.find('/', at + 1)) {
        store.erase(path.substr(0, at));
        if (!store.item(path.substr(0, at + 1))) {
            store.add_container(path.substr(0, at + 1));
        }
    }
}

void apply(const Edit& edit, FakeConnector& store, std::int64_t now) {
    const Bytes path = path_of(edit.path);
    const Bytes content = "content " + std::to_string(edit.content % 6);
    switch (edit.what) {
    case 0:
    case 1:
    case 2:
    case 3:
        if (store.item(path + "/")) {
            erase_tree(store, path);
        }
        make_parents(store, path);
        store.add_object(path, content, now);
        break;
    case 4:
        erase_tree(store, path);
        make_parents(store, path);
        store.add_link(path, content);
        break;
    case 5:
        make_parents(store, path + "/x");
        break;
    case 6:
        if (const std::optional<Item> item = store.item(path);
            item && item->kind == ItemKind::object) {
            store.add_object(path, *store.content(path), now);
        }
        break;
    case 7:
    case 8:
    case 9: {
        const Bytes to = path_of((edit.path * 7 + edit.content * 11 + edit.what) % kPaths);
        const bool is_below =
            to == path || to.starts_with(path + "/") || path.starts_with(to + "/");
        const bool is_directory = store.item(path + "/").has_value();
        if (is_below || (!is_directory && !store.item(path))) {
            break;
        }
        erase_tree(store, to);
        make_parents(store, to);
        store.move(is_directory ? path + "/" : path, is_directory ? to + "/" : to);
        break;
    }
    default:
        erase_tree(store, path);
    }
}

std::vector<Edit> any_edits(std::size_t at_most) {
    const auto edit = rc::gen::build<Edit>(rc::gen::set(&Edit::on_source),
                                           rc::gen::set(&Edit::path, rc::gen::inRange(0, kPaths)),
                                           rc::gen::set(&Edit::what, rc::gen::inRange(0, 14)),
                                           rc::gen::set(&Edit::content, rc::gen::inRange(0, 6)));
    const auto size = *rc::gen::inRange<std::size_t>(0, at_most + 1);
    return *rc::gen::container<std::vector<Edit>>(size, edit);
}

// kind + content of everything, which is what "equal" means under the default rules.
using Tree = std::map<Bytes, std::string>;
Tree tree_of(const FakeConnector& store) {
    Tree tree;
    for (const auto& [key, content] : store.contents()) {
        tree[key] = std::to_string(static_cast<int>(store.item(key)->kind)) + content;
    }
    return tree;
}

std::set<Bytes> contents_of(const FakeConnector& store) {
    std::set<Bytes> all;
    for (const auto& [key, content] : store.contents()) {
        if (!is_container_key(key)) {
            all.insert(content);
        }
    }
    return all;
}

// Two sides that agreed once and were edited since. Guards have tests of their own.
struct Edited : World {
    Edited(const std::vector<Edit>& before, const std::vector<Edit>& since, bool swapped = false) {
        rules.force = {true, true, true};
        for (FakeConnector* store : {&a, &b}) {
            store->renames_containers = renames_containers;
            store->gives_ids = gives_ids;
            store->offers_rename = offers_rename;
        }
        chain = {"source-wins"};
        int now = 1'000;
        for (const Edit& edit : before) {
            apply(edit, side(true, swapped), now += 10);
        }
        run();
        agreed = contents_of(a);
        chain.clear();
        for (const Edit& edit : since) {
            apply(edit, side(edit.on_source, swapped), now += 10);
        }
    }
    // What the stores can do, drawn anew for each world but the same for all of one property's.
    static void draw_abilities() {
        renames_containers = *rc::gen::arbitrary<bool>();
        gives_ids = *rc::gen::element(true, true, false);
        offers_rename = *rc::gen::element(true, true, true, false);
    }
    static inline bool renames_containers = false;
    static inline bool gives_ids = true;
    static inline bool offers_rename = true;

    FakeConnector& side(bool source, bool swapped) { return source != swapped ? a : b; }
    std::set<Bytes> agreed;
};

void check(const std::string& property, const std::function<void()>& body) {
    BOOST_TEST(rc::check(property, [&] {
        Edited::draw_abilities();
        body();
    }));
}

const std::vector<DeletedContainer> kContainerPolicies{
    DeletedContainer::restore_all, DeletedContainer::restore_changed, DeletedContainer::conflict};
const std::vector<DeleteVsChange> kDeletePolicies{DeleteVsChange::keep_change,
                                                  DeleteVsChange::conflict};

} // namespace

BOOST_AUTO_TEST_SUITE(sync_properties)

BOOST_AUTO_TEST_CASE(safety) {
    check("without a strategy or with keep-both, what existed before exists after, unless a person "
          "replaced or deleted it",
          [] {
              Edited w(any_edits(12), any_edits(12));
              w.rules.deleted_container = *rc::gen::elementOf(kContainerPolicies);
              w.rules.delete_vs_change = *rc::gen::elementOf(kDeletePolicies);
              if (*rc::gen::arbitrary<bool>()) {
                  w.chain = {"keep-both"};
              }
              std::set<Bytes> before = contents_of(w.a);
              before.merge(contents_of(w.b));
              w.run();
              std::set<Bytes> after = contents_of(w.a);
              after.merge(contents_of(w.b));
              for (const Bytes& content : before) {
                  RC_ASSERT(after.count(content) == 1U || w.agreed.count(content) == 1U);
              }
          });
}

BOOST_AUTO_TEST_CASE(convergence_and_idempotence) {
    check("without conflicts both sides are equal after a run, and a second run does nothing", [] {
        Edited w(any_edits(12), any_edits(12));
        w.rules.deleted_container = *rc::gen::elementOf(kContainerPolicies);
        w.rules.delete_vs_change = *rc::gen::elementOf(kDeletePolicies);
        const auto chain =
            *rc::gen::element<std::string>("", "source-wins", "target-wins", "keep-both");
        if (!chain.empty()) {
            w.chain = {chain};
        }
        const SyncReport first = w.run();
        RC_ASSERT(first.outcomes.failed == 0U);
        RC_ASSERT(first.outcomes.pending == 0U);
        const Tree a = tree_of(w.a);
        const Tree b = tree_of(w.b);
        if (first.outcomes.conflicted == 0) {
            RC_ASSERT(a == b);
        }
        const SyncReport second = w.run();
        RC_ASSERT(second.outcomes.planned == first.outcomes.conflicted);
        RC_ASSERT(second.outcomes.conflicted == first.outcomes.conflicted);
        RC_ASSERT(tree_of(w.a) == a);
        RC_ASSERT(tree_of(w.b) == b);
    });
}

BOOST_AUTO_TEST_CASE(symmetry) {
    check("swapping the sides swaps the result", [] {
        const std::vector<Edit> before = any_edits(10);
        const std::vector<Edit> since = any_edits(12);
        const auto policy = *rc::gen::elementOf(kContainerPolicies);
        const auto chain = *rc::gen::element<std::string>("", "keep-both");
        Edited one(before, since);
        Edited two(before, since, true);
        for (Edited* w : {&one, &two}) {
            w->rules.deleted_container = policy;
            if (!chain.empty()) {
                w->chain = {chain};
            }
            w->run();
        }
        RC_ASSERT(tree_of(one.a) == tree_of(two.b));
        RC_ASSERT(tree_of(one.b) == tree_of(two.a));
    });
}

BOOST_AUTO_TEST_CASE(one_way_and_mirror) {
    check("the source is never written; a mirror's target becomes equal to it; a second run does "
          "nothing",
          [] {
              Edited w(any_edits(10), any_edits(12));
              w.rules.mode = *rc::gen::element(Mode::one_way, Mode::mirror);
              const auto chain =
                  *rc::gen::element<std::string>("", "source-wins", "target-wins", "keep-both");
              if (!chain.empty()) {
                  w.chain = {chain};
              }
              const Tree source = tree_of(w.a);
              const SyncReport first = w.run();
              RC_ASSERT(tree_of(w.a) == source);
              RC_ASSERT(first.outcomes.failed + first.outcomes.pending == 0U);
              if (w.rules.mode == Mode::mirror) {
                  RC_ASSERT(tree_of(w.b) == source);
              }
              const Tree target = tree_of(w.b);
              const SyncReport second = w.run();
              RC_ASSERT(second.outcomes.planned ==
                        first.outcomes.conflicted + first.outcomes.skipped);
              RC_ASSERT(tree_of(w.b) == target);
          });
}

BOOST_AUTO_TEST_CASE(isolation) {
    check("one failing item changes no other item's outcome", [] {
        const std::vector<Edit> since = any_edits(10);
        const Bytes bad = path_of(*rc::gen::inRange(0, kPaths));
        Edited healthy({}, since);
        Edited failing({}, since);
        for (FakeConnector* store : {&failing.a, &failing.b}) {
            for (const FakeOp op : {FakeOp::put, FakeOp::remove, FakeOp::set_meta}) {
                store->fail({.op = op,
                             .key = bad,
                             .nth = 0,
                             .status = Status(Code::permission_denied, "no")});
            }
        }
        healthy.run();
        failing.run();
        for (const bool source : {true, false}) {
            Tree good = tree_of(source ? healthy.a : healthy.b);
            Tree rest = tree_of(source ? failing.a : failing.b);
            for (Tree* tree : {&good, &rest}) {
                std::erase_if(*tree, [&](const auto& entry) { return entry.first == bad; });
            }
            RC_ASSERT(good == rest);
        }
    });
}

BOOST_AUTO_TEST_CASE(stopping_anywhere_and_running_again) {
    check("a run cut off after any operation, then run again, ends where an uninterrupted run does",
          [] {
              const std::vector<Edit> before = any_edits(8);
              const std::vector<Edit> since = any_edits(12);
              const auto chain = *rc::gen::element<std::string>("", "source-wins", "keep-both");
              const int cut = *rc::gen::inRange(1, 30);
              Edited whole(before, since);
              Edited broken(before, since);
              for (Edited* w : {&whole, &broken}) {
                  if (!chain.empty()) {
                      w->chain = {chain};
                  }
              }
              whole.run();
              std::mutex mutex;
              int writes = 0;
              for (FakeConnector* store : {&broken.a, &broken.b}) {
                  store->before_call = [&](FakeOp op, BytesView) {
                      const bool write = op == FakeOp::put || op == FakeOp::remove ||
                                         op == FakeOp::set_meta || op == FakeOp::rename;
                      const std::lock_guard lock(mutex);
                      writes += write ? 1 : 0;
                      return writes >= cut && (write || op == FakeOp::flush)
                                 ? Status(Code::cancelled, "cut off")
                                 : Status();
                  };
              }
              broken.run();
              broken.a.before_call = broken.b.before_call = nullptr;
              broken.run();
              broken.run();
              RC_ASSERT(tree_of(broken.a) == tree_of(whole.a));
              RC_ASSERT(tree_of(broken.b) == tree_of(whole.b));
          });
}

BOOST_AUTO_TEST_CASE(undo_brings_the_written_sides_back) {
    check("after a run and its undo both sides are as before the run, and so again after the undo "
          "of the undo",
          [] {
              Edited w(any_edits(12), any_edits(12));
              w.archiving = Archiving::all;
              w.rules.mode = *rc::gen::element(Mode::two_way, Mode::one_way, Mode::mirror);
              w.rules.deleted_container = *rc::gen::elementOf(kContainerPolicies);
              const auto chain =
                  *rc::gen::element<std::string>("", "source-wins", "target-wins", "keep-both");
              if (!chain.empty()) {
                  w.chain = {chain};
              }
              const Tree a = tree_of(w.a);
              const Tree b = tree_of(w.b);
              const SyncReport run = w.run();
              const Tree a_after = tree_of(w.a);
              const Tree b_after = tree_of(w.b);
              const SyncReport undone = w.undo(run.run_id);
              RC_ASSERT(undone.error.message() == "");
              RC_ASSERT(undone.outcomes.ok == undone.outcomes.planned);
              RC_ASSERT(tree_of(w.a) == a);
              RC_ASSERT(tree_of(w.b) == b);
              const SyncReport redone = w.undo(undone.run_id);
              RC_ASSERT(redone.error.message() == "");
              RC_ASSERT(tree_of(w.a) == a_after);
              RC_ASSERT(tree_of(w.b) == b_after);
          });
}

BOOST_AUTO_TEST_SUITE_END()
