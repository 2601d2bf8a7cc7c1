#include "fakes/fake_state.hpp"
#include "state_fixture.hpp"

#include <boost/mpl/list.hpp>
#include <sqlite3.h>
#include <sys/resource.h>
#include <vector>

using namespace syncline;
using namespace syncline::test;

namespace {

class RealBase {
public:
    BaseStore& store() { return state_->sync->base(); }
    void reopen() {
        state_.reset();
        state_ = std::make_unique<OpenState>(directory_.path());
    }

private:
    TemporaryDirectory directory_;
    std::unique_ptr<OpenState> state_ = std::make_unique<OpenState>(directory_.path());
};

class FakeBase {
public:
    BaseStore& store() { return state_->base(); }
    void reopen() {
        state_.reset();
        state_ = require_value(directory_.open_sync("documents"));
    }

private:
    fakes::FakeStateDirectory directory_;
    std::unique_ptr<SyncState> state_ = require_value(directory_.open_sync("documents"));
};

using Bases = boost::mpl::list<RealBase, FakeBase>;

BaseEntry entry_of(BytesView key, BytesView version = "v") {
    BaseEntry entry;
    entry.key = Bytes(key);
    entry.source_version = Bytes(version);
    entry.target_version = Bytes(version);
    return entry;
}

Bytes key_of(std::size_t number) {
    char text[32];
    const int size = std::snprintf(text, sizeof text, "directory/item-%09zu", number);
    return {text, static_cast<std::size_t>(size)};
}

std::vector<Bytes> keys_of(BaseStore& store) {
    std::vector<Bytes> keys;
    const auto cursor = require_value(store.scan());
    BaseEntryView entry;
    while (require_value(cursor->next(entry))) {
        keys.emplace_back(entry.key);
    }
    BOOST_TEST(!require_value(cursor->next(entry)), "the end is the end");
    return keys;
}

void put(BaseStore& store, const BaseEntry& entry) { require_ok(store.put(to_view(entry))); }

} // namespace

BOOST_AUTO_TEST_SUITE(base_store)

BOOST_AUTO_TEST_CASE_TEMPLATE(an_entry_comes_back_as_it_was, Base, Bases) {
    Base base;
    BaseEntry entry;
    entry.key = Bytes("a\0\xff\xfe/b", 6);
    entry.source_version = Bytes("\0\0", 2);
    entry.target_version = "etag";
    entry.source_id = "id-1";
    entry.target_id = Bytes("\0", 1);
    entry.hash = Bytes(16, '\x80');
    entry.meta = "\x01m\x01v";
    entry.size = UINT64_MAX - 1;
    entry.mtime_ns = -5;
    entry.hash_algo = HashAlgo::xxh3_128;
    entry.kind = ItemKind::link;
    entry.differs = true;
    put(base.store(), entry);
    put(base.store(), entry_of("empty", ""));
    for (const bool committed : {false, true}) {
        if (committed) {
            require_ok(base.store().commit());
            base.reopen();
        }
        const auto found = require_value(base.store().find(entry.key));
        BOOST_REQUIRE(found.has_value());
        BOOST_TEST((found->key == entry.key));
        BOOST_TEST((found->source_version == entry.source_version));
        BOOST_TEST(found->target_version == entry.target_version);
        BOOST_TEST(found->source_id == entry.source_id);
        BOOST_TEST((found->target_id == entry.target_id));
        BOOST_TEST(found->hash == entry.hash);
        BOOST_TEST(found->meta == entry.meta);
        BOOST_TEST(found->size == entry.size);
        BOOST_TEST(found->mtime_ns == entry.mtime_ns);
        BOOST_TEST((found->hash_algo == entry.hash_algo));
        BOOST_TEST((found->kind == entry.kind));
        BOOST_TEST(found->differs);
        const auto empty = require_value(base.store().find("empty"));
        BOOST_REQUIRE(empty.has_value());
        BOOST_TEST(empty->source_version.empty());
        BOOST_TEST(empty->hash.empty());
        BOOST_TEST(empty->size == kUnknownSize);
        BOOST_TEST(empty->mtime_ns == kUnknownTime);
        BOOST_TEST(!empty->differs);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(zero_and_unknown_are_not_the_same, Base, Bases) {
    Base base;
    BaseEntry zero = entry_of("zero");
    zero.size = 0;
    zero.mtime_ns = 0;
    put(base.store(), zero);
    put(base.store(), entry_of("unknown"));
    require_ok(base.store().commit());
    BOOST_TEST(require_value(base.store().find("zero"))->size == 0U);
    BOOST_TEST(require_value(base.store().find("zero"))->mtime_ns == 0);
    BOOST_TEST(require_value(base.store().find("unknown"))->size == kUnknownSize);
    BOOST_TEST(require_value(base.store().find("unknown"))->mtime_ns == kUnknownTime);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_scan_is_in_the_order_of_unsigned_bytes, Base, Bases) {
    Base base;
    const std::vector<Bytes> ordered{"",    Bytes("\0", 1), Bytes("\0a", 2), "a",
                                     "a-b", "a/",           "a/x",           "a0",
                                     "aa",  "\x7f",         "\x80",          "\xff\xff"};
    for (auto key = ordered.rbegin(); key != ordered.rend(); ++key) {
        put(base.store(), entry_of(*key));
    }
    require_ok(base.store().commit());
    BOOST_TEST((keys_of(base.store()) == ordered));
    BOOST_TEST(require_value(base.store().count()) == ordered.size());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_not_committed_is_found_but_neither_scanned_nor_kept, Base,
                              Bases) {
    Base base;
    put(base.store(), entry_of("kept"));
    require_ok(base.store().commit());
    put(base.store(), entry_of("lost"));
    require_ok(base.store().erase("kept"));
    BOOST_TEST(require_value(base.store().find("lost")).has_value());
    BOOST_TEST(!require_value(base.store().find("kept")).has_value());
    BOOST_TEST((keys_of(base.store()) == std::vector<Bytes>{"kept"}));
    BOOST_TEST(require_value(base.store().count()) == 1U);
    base.reopen();
    BOOST_TEST((keys_of(base.store()) == std::vector<Bytes>{"kept"}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_rollback_forgets_what_was_not_committed, Base, Bases) {
    Base base;
    put(base.store(), entry_of("a", "1"));
    require_ok(base.store().commit());
    put(base.store(), entry_of("a", "2"));
    put(base.store(), entry_of("b"));
    require_ok(base.store().rollback());
    require_ok(base.store().commit());
    BOOST_TEST((keys_of(base.store()) == std::vector<Bytes>{"a"}));
    BOOST_TEST(require_value(base.store().find("a"))->source_version == "1");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(of_several_writes_to_a_key_the_last_counts, Base, Bases) {
    Base base;
    put(base.store(), entry_of("put-erase"));
    require_ok(base.store().erase("put-erase"));
    require_ok(base.store().erase("erase-put"));
    put(base.store(), entry_of("erase-put", "2"));
    put(base.store(), entry_of("twice", "1"));
    put(base.store(), entry_of("twice", "2"));
    require_ok(base.store().erase("absent"));
    require_ok(base.store().commit());
    BOOST_TEST((keys_of(base.store()) == std::vector<Bytes>{"erase-put", "twice"}));
    BOOST_TEST(require_value(base.store().find("twice"))->source_version == "2");
    require_ok(base.store().erase("twice"));
    require_ok(base.store().commit());
    BOOST_TEST((keys_of(base.store()) == std::vector<Bytes>{"erase-put"}));
    require_ok(base.store().commit());
}

BOOST_AUTO_TEST_CASE(syncs_do_not_see_each_other_s_entries) {
    const TemporaryDirectory directory;
    const OpenState one(directory.path(), "one");
    const OpenState two(directory.path(), std::string("two\0\xff", 5));
    put(one.sync->base(), entry_of("a"));
    put(two.sync->base(), entry_of("b")); // both gather at the same time
    require_ok(one.sync->base().commit());
    require_ok(two.sync->base().commit());
    require_ok(one.sync->base().erase("b"));
    require_ok(one.sync->base().commit());
    BOOST_TEST((keys_of(one.sync->base()) == std::vector<Bytes>{"a"}));
    BOOST_TEST((keys_of(two.sync->base()) == std::vector<Bytes>{"b"}));
}

BOOST_AUTO_TEST_CASE(a_scan_keeps_its_view_while_others_write) {
    const TemporaryDirectory directory;
    const OpenState reader(directory.path());
    put(reader.sync->base(), entry_of("a"));
    put(reader.sync->base(), entry_of("b"));
    require_ok(reader.sync->base().commit());
    const auto cursor = require_value(reader.sync->base().scan());
    BaseEntryView entry;
    BOOST_REQUIRE(require_value(cursor->next(entry)));
    const OpenState writer(directory.path());
    require_ok(writer.sync->base().erase("b"));
    require_ok(writer.sync->base().commit());
    require_value(reader.sync->runs().begin(1)); // other connections write too
    BOOST_REQUIRE(require_value(cursor->next(entry)));
    BOOST_TEST(entry.key == "b");
    BOOST_TEST(!require_value(cursor->next(entry)));
}

BOOST_AUTO_TEST_CASE(after_a_crash_only_committed_entries_are_there) {
    const TemporaryDirectory directory;
    for (const bool with_kill : {false, true}) {
        const int code = in_child([&] {
            OpenState state(directory.path());
            for (std::size_t i = 0; i < 100; ++i) {
                if (!state.sync->base().put(to_view(entry_of(key_of(i)))).ok()) {
                    return 1;
                }
            }
            if (!state.sync->base().commit().ok()) {
                return 2;
            }
            // More than fits in memory, so that some of it is in files already.
            for (std::size_t i = 100; i < 60'000; ++i) {
                if (!state.sync->base().put(to_view(entry_of(key_of(i)))).ok()) {
                    return 3;
                }
            }
            if (with_kill) {
                ::kill(::getpid(), SIGKILL);
            }
            ::_exit(42);
        });
        BOOST_TEST(code == (with_kill ? -SIGKILL : 42));
        const OpenState state(directory.path());
        BOOST_TEST(require_value(state.sync->base().count()) == 100U);
        BOOST_TEST(require_value(state.sync->base().find(key_of(99))).has_value());
        BOOST_TEST(!require_value(state.sync->base().find(key_of(100))).has_value());
    }
}

BOOST_AUTO_TEST_CASE(a_kill_at_any_time_leaves_whole_commits) {
    const TemporaryDirectory directory;
    constexpr std::size_t kBatch = 50;
    for (int round = 0; round < 5; ++round) {
        const pid_t child = ::fork();
        BOOST_REQUIRE(child >= 0);
        if (child == 0) {
            OpenState state(directory.path());
            for (std::size_t i = 0;; ++i) {
                if (!state.sync->base().put(to_view(entry_of(key_of(i)))).ok() ||
                    ((i + 1) % kBatch == 0 && !state.sync->base().commit().ok())) {
                    ::_exit(1);
                }
            }
        }
        ::usleep(static_cast<useconds_t>(20'000 + 17'000 * round));
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        BOOST_TEST(WIFSIGNALED(status));
        const OpenState state(directory.path());
        BOOST_TEST(require_value(state.sync->base().count()) % kBatch == 0U);
        BOOST_TEST(keys_of(state.sync->base()).size() == require_value(state.sync->base().count()));
    }
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_reported_and_the_commit_can_be_tried_again) {
    const TemporaryDirectory directory;
    const int code = in_child([&] {
        std::signal(SIGXFSZ, SIG_IGN);
        OpenState state(directory.path());
        if (!state.sync->base().put(to_view(entry_of("before"))).ok() ||
            !state.sync->base().commit().ok()) {
            return 1;
        }
        const rlimit tight{256 * 1024, RLIM_INFINITY};
        const rlimit wide{RLIM_INFINITY, RLIM_INFINITY};
        ::setrlimit(RLIMIT_FSIZE, &tight);
        for (std::size_t i = 0; i < 20'000; ++i) {
            if (!state.sync->base().put(to_view(entry_of(key_of(i)))).ok()) {
                return 2;
            }
        }
        const Status full = state.sync->base().commit();
        if (full.ok() || full.code() != Code::quota_exceeded ||
            full.message().find("disk full") == std::string::npos) {
            return 3;
        }
        const auto count = state.sync->base().count();
        if (!count.ok() || *count != 1) {
            return 4;
        }
        ::setrlimit(RLIMIT_FSIZE, &wide);
        return state.sync->base().commit().ok() ? 0 : 5;
    });
    BOOST_TEST(code == 0);
    const OpenState state(directory.path());
    BOOST_TEST(require_value(state.sync->base().count()) == 20'001U);
}

BOOST_AUTO_TEST_CASE(memory_does_not_grow_with_entries_whether_committed_or_not) {
    const TemporaryDirectory directory;
    const OpenState state(directory.path());
    BaseStore& base = state.sync->base();
    const Bytes version(32, 'v');
    const auto write = [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) {
            put(base, entry_of(key_of(i), version));
        }
    };
    constexpr std::int64_t kMostSqliteBytes = 8 << 20;
    sqlite3_memory_highwater(1);
    write(0, 100'000); // five times what is gathered in memory
    BOOST_TEST(require_value(base.find(key_of(1))).has_value());
    BOOST_TEST(require_value(base.find(key_of(99'999))).has_value());
    require_ok(base.erase(key_of(1)));
    BOOST_TEST(!require_value(base.find(key_of(1))).has_value());
    require_ok(base.commit());
    BOOST_TEST(require_value(base.count()) == 99'999U);
    std::size_t rows = 0;
    const auto cursor = require_value(base.scan());
    for (BaseEntryView entry; require_value(cursor->next(entry)); ++rows) {
        BOOST_REQUIRE(entry.source_version == version);
    }
    BOOST_TEST(rows == 99'999U);
    BOOST_TEST(sqlite3_memory_highwater(0) < kMostSqliteBytes);
}

BOOST_AUTO_TEST_CASE(spilled_writes_roll_back_and_the_last_one_counts) {
    const TemporaryDirectory directory;
    const OpenState state(directory.path());
    BaseStore& base = state.sync->base();
    put(base, entry_of("old", "1"));
    require_ok(base.commit());
    const Bytes large(1 << 20, 'x');
    const auto spill = [&] {
        for (int i = 0; i < 10; ++i) {
            put(base, entry_of("large-" + std::to_string(i), large));
        }
    };
    require_ok(base.erase("old"));
    put(base, entry_of("new", "1"));
    spill();
    BOOST_TEST(!require_value(base.find("old")).has_value());
    BOOST_TEST(require_value(base.find("new"))->source_version == "1");
    require_ok(base.rollback());
    BOOST_TEST(require_value(base.find("old")).has_value());
    BOOST_TEST(!require_value(base.find("new")).has_value());

    require_ok(base.erase("old"));
    put(base, entry_of("new", "1"));
    spill();
    put(base, entry_of("old", "2"));
    require_ok(base.erase("new"));
    require_ok(base.commit());
    BOOST_TEST(require_value(base.find("old"))->source_version == "2");
    BOOST_TEST(!require_value(base.find("new")).has_value());
    BOOST_TEST(require_value(base.count()) == 11U);
}

BOOST_AUTO_TEST_CASE(changes_on_their_way_borrow_nothing_and_may_be_moved) {
    BaseChanges changes;
    BOOST_TEST(changes.all().empty());
    for (int i = 0; i < 100; ++i) {
        BaseEntry entry = entry_of("key-" + std::to_string(i), Bytes(50, 'v'));
        entry.hash = Bytes(16, 'h');
        entry.size = static_cast<std::uint64_t>(i);
        changes.add(to_view(entry), i % 2 == 1);
    }
    const BaseChanges moved = std::move(changes);
    BOOST_REQUIRE(moved.all().size() == 100U);
    for (std::size_t i = 0; i < 100; ++i) {
        const BaseChanges::Change& change = moved.all()[i];
        BOOST_TEST(change.entry.key == "key-" + std::to_string(i));
        BOOST_TEST(change.entry.source_version == Bytes(50, 'v'));
        BOOST_TEST(change.entry.hash == Bytes(16, 'h'));
        BOOST_TEST(change.entry.size == i);
        BOOST_TEST(change.erase == (i % 2 == 1));
    }
}

BOOST_AUTO_TEST_CASE(the_fake_fails_when_told_and_refuses_writes_under_a_cursor) {
    fakes::FakeBaseStore base;
    base.failure.at_call(2, {Code::io, "broken"});
    require_ok(base.put(to_view(entry_of("a"))));
    BOOST_TEST((base.put(to_view(entry_of("b"))).code() == Code::io));
    require_ok(base.commit());
    BOOST_TEST(base.committed().size() == 1U);
    const auto cursor = require_value(base.scan());
    BOOST_TEST((base.put(to_view(entry_of("c"))).code() == Code::invalid_state));
}

BOOST_AUTO_TEST_SUITE_END()
