#include "fakes/fake_archive.hpp"
#include "fakes/fake_clock.hpp"
#include "fakes/fake_state.hpp"
#include "state_fixture.hpp"
#include "syncline/core/hash.hpp"

#include <atomic>
#include <boost/mpl/list.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <thread>

using namespace syncline;
using namespace syncline::test;

namespace {

constexpr std::int64_t kDay = 86'400'000'000'000;

class RealArchive {
public:
    ArchiveStore& store() { return sync_->archive(); }
    // Another process, as far as the archive can tell.
    void reopen() {
        sync_.reset();
        sync_ = require_value(state_->open_sync("documents"));
    }
    std::unique_ptr<SyncState> open(const std::string& name) {
        return require_value(state_->open_sync(name));
    }
    std::filesystem::path path() const { return directory_.path() / "archive"; }

    fakes::FakeClock clock;

private:
    TemporaryDirectory directory_;
    std::unique_ptr<StateDirectory> state_ =
        require_value(open_state_directory(directory_.path(), clock));
    std::unique_ptr<SyncState> sync_ = require_value(state_->open_sync("documents"));
};

class FakeArchive {
public:
    ArchiveStore& store() { return store_; }

private:
    fakes::FakeArchiveStore store_;
};

using Archives = boost::mpl::list<RealArchive, FakeArchive>;

ArchivedContent put(ArchiveStore& archive, BytesView content) {
    auto writer = require_value(archive.put(content.size()));
    require_ok(writer->write(content.substr(0, content.size() / 2)));
    require_ok(writer->write(content.substr(content.size() / 2)));
    return require_value(writer->finish());
}

ArchivedContent keep(ArchiveStore& archive, BytesView content) {
    const ArchivedContent kept = put(archive, content);
    require_ok(archive.make_durable());
    return kept;
}

Bytes content_of(ArchivedBody& body) {
    Bytes content;
    char buffer[7];
    for (;;) {
        const std::size_t got = require_value(body.read(buffer, sizeof buffer));
        if (got == 0) {
            return content;
        }
        content.append(buffer, got);
    }
}

Bytes get(ArchiveStore& archive, BytesView digest) {
    return content_of(*require_value(archive.get(digest, {})));
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& directory) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
        if (entry.is_regular_file() && entry.path().filename() != "lock") {
            files.push_back(entry.path());
        }
    }
    return files;
}

} // namespace

BOOST_AUTO_TEST_SUITE(archive_store)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_content_comes_back_by_its_digest, Archive, Archives) {
    Archive archive;
    const Bytes content("line\n\0\xff", 7);
    const ArchivedContent kept = keep(archive.store(), content);
    BOOST_TEST((kept.digest == sha256(content)));
    BOOST_TEST((kept.content_hash == content_hash(content)));
    BOOST_TEST(kept.size == 7U);
    const auto body = require_value(archive.store().get(kept.digest, {}));
    BOOST_TEST(body->size() == 7U);
    BOOST_TEST((content_of(*body) == content));
    require_ok(body->rewind());
    BOOST_TEST((content_of(*body) == content));
    BOOST_TEST(require_value(archive.store().has(kept.digest)));
    BOOST_TEST((require_value(archive.store().find(kept.content_hash))->digest == kept.digest));
    BOOST_TEST(!require_value(archive.store().find(content_hash("other"))).has_value());
    BOOST_TEST((archive.store().get(sha256("other"), {}).code() == Code::not_found));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(equal_contents_are_kept_once, Archive, Archives) {
    Archive archive;
    put(archive.store(), "same");
    put(archive.store(), "same");
    require_ok(archive.store().make_durable());
    keep(archive.store(), "same");
    keep(archive.store(), "");
    const ArchiveUsage usage = require_value(archive.store().usage());
    BOOST_TEST(usage.contents == 2U);
    BOOST_TEST(usage.bytes == 4U);
    BOOST_TEST((get(archive.store(), sha256("same")) == "same"));
    BOOST_TEST((get(archive.store(), sha256("")).empty()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_content_that_is_too_large_is_refused_in_words, Archive, Archives) {
    Archive archive;
    ArchiveLimits limits;
    limits.max_item_bytes = 4;
    archive.store().set_limits(limits);
    BOOST_TEST((archive.store().put(5).code() == Code::too_large));
    auto writer = require_value(archive.store().put(kUnknownSize));
    require_ok(writer->write("1234"));
    BOOST_TEST((writer->write("5").code() == Code::too_large));
    writer.reset();
    keep(archive.store(), "1234");
    BOOST_TEST(require_value(archive.store().usage()).contents == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_pin_names_one_content_of_one_sync, Archive, Archives) {
    Archive archive;
    ArchiveStore& store = archive.store();
    const Bytes one = keep(store, "one").digest;
    const Bytes two = keep(store, "two").digest;
    BOOST_TEST((store.pin("base/a", sha256("absent")).code() == Code::not_found));
    require_ok(store.pin("base/a", one));
    require_ok(store.pin("base/a", two));
    BOOST_TEST((require_value(store.pinned("base/a")) == two));
    require_ok(store.unpin("base/a"));
    require_ok(store.unpin("base/a"));
    BOOST_TEST(!require_value(store.pinned("base/a")).has_value());
}

BOOST_AUTO_TEST_CASE(a_file_is_copied_whole_and_stays_as_it_is) {
    RealArchive archive;
    const TemporaryDirectory directory;
    const Bytes content(700'000, 'x');
    write_file(directory.path() / "file", content);
    const int fd = ::open((directory.path() / "file").c_str(), O_RDONLY);
    BOOST_REQUIRE(fd >= 0);
    const ArchivedContent kept = require_value(archive.store().put_file(fd, content.size(), {}));
    BOOST_TEST(::lseek(fd, 0, SEEK_CUR) == 0);
    std::stop_source stopped;
    stopped.request_stop();
    BOOST_TEST((archive.store().put_file(fd, content.size(), stopped.get_token()).code() ==
                Code::cancelled));
    ::close(fd);
    require_ok(archive.store().make_durable());
    BOOST_TEST(kept.size == content.size());
    BOOST_TEST((get(archive.store(), sha256(content)) == content));
    BOOST_TEST(files_in(archive.path()).size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_it_writes_is_private) {
    const mode_t before = ::umask(0);
    RealArchive archive;
    keep(archive.store(), "secret");
    ::umask(before);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(archive.path())) {
        struct stat found {};
        BOOST_REQUIRE(::stat(entry.path().c_str(), &found) == 0);
        BOOST_TEST((found.st_mode & 077) == 0U, entry.path());
    }
}

BOOST_AUTO_TEST_CASE(nothing_is_made_before_it_is_used) {
    RealArchive archive;
    require_ok(archive.store().make_durable());
    require_ok(archive.store().prune());
    BOOST_TEST(!std::filesystem::exists(archive.path()));
}

BOOST_AUTO_TEST_CASE(a_damaged_content_is_refused_and_mended_by_the_next_put) {
    RealArchive archive;
    const Bytes digest = keep(archive.store(), "as it was").digest;
    const auto files = files_in(archive.path());
    BOOST_REQUIRE(files.size() == 1U);
    write_file(files[0], "as it is!");
    BOOST_TEST((archive.store().get(digest, {}).code() == Code::integrity));
    write_file(files[0], "short");
    BOOST_TEST((archive.store().get(digest, {}).code() == Code::integrity));
    std::filesystem::remove(files[0]);
    BOOST_TEST((archive.store().get(digest, {}).code() == Code::integrity));
    keep(archive.store(), "as it was");
    BOOST_TEST((get(archive.store(), digest) == "as it was"));
}

BOOST_AUTO_TEST_CASE(what_is_old_goes_and_what_is_pinned_stays) {
    RealArchive archive;
    const Bytes old = keep(archive.store(), "old").digest;
    const Bytes pinned = keep(archive.store(), "pinned").digest;
    const Bytes touched = keep(archive.store(), "touched").digest;
    require_ok(archive.open("another sync")->archive().pin("base/x", pinned));
    archive.clock.advance(31 * kDay);
    BOOST_TEST(require_value(archive.store().touch(touched)));
    BOOST_TEST(!require_value(archive.store().touch(sha256("absent"))));
    const Bytes young = keep(archive.store(), "young").digest;
    require_ok(archive.store().prune());
    BOOST_TEST(!require_value(archive.store().has(old)));
    BOOST_TEST((archive.store().get(old, {}).code() == Code::not_found));
    for (const Bytes& digest : {pinned, touched, young}) {
        BOOST_TEST(require_value(archive.store().has(digest)));
    }
    BOOST_TEST(files_in(archive.path()).size() == 3U);
}

BOOST_AUTO_TEST_CASE(the_oldest_make_room_but_never_for_what_came_with_them) {
    RealArchive archive;
    ArchiveLimits limits;
    limits.max_bytes = 10;
    archive.store().set_limits(limits);
    const Bytes first = keep(archive.store(), "1111").digest;
    archive.clock.advance(1);
    const Bytes second = keep(archive.store(), "2222").digest;
    // All of it was put by this process, so the new one is the one that is refused.
    auto writer = require_value(archive.store().put(4));
    require_ok(writer->write("3333"));
    const auto refused = writer->finish();
    BOOST_TEST((refused.code() == Code::too_large));
    BOOST_TEST(refused.status().message().find("full") != std::string::npos);
    writer.reset();
    archive.clock.advance(kDay);
    archive.reopen();
    archive.store().set_limits(limits);
    const Bytes third = keep(archive.store(), "3333").digest;
    BOOST_TEST(!require_value(archive.store().has(first)));
    BOOST_TEST(require_value(archive.store().has(second)));
    BOOST_TEST(require_value(archive.store().has(third)));
    BOOST_TEST(require_value(archive.store().usage()).bytes == 8U);
    limits.max_bytes = 5;
    archive.store().set_limits(limits);
    require_ok(archive.store().prune());
    BOOST_TEST(!require_value(archive.store().has(second)));
    BOOST_TEST(require_value(archive.store().has(third)));
}

BOOST_AUTO_TEST_CASE(a_content_dropped_before_its_end_leaves_nothing) {
    RealArchive archive;
    auto writer = require_value(archive.store().put(4));
    require_ok(writer->write("12"));
    writer.reset();
    BOOST_TEST(files_in(archive.path()).empty());
}

BOOST_AUTO_TEST_CASE(what_a_kill_leaves_is_cleared_or_finished_by_the_next_user) {
    RealArchive archive;
    const Bytes digest = keep(archive.store(), "entered").digest;
    const auto files = files_in(archive.path());
    BOOST_REQUIRE(files.size() == 1U);
    // Killed between the entry and the move to its place; between the copy and the entry; while
    // copying.
    std::filesystem::rename(files[0], archive.path() / "incoming" / (to_hex(digest) + "-1234-5"));
    write_file(archive.path() / "incoming" / (to_hex(sha256("never entered")) + "-1234-6"),
               "never entered");
    write_file(archive.path() / "incoming" / "tmp-1234-7", "half");
    archive.reopen();
    BOOST_TEST((get(archive.store(), digest) == "entered"));
    BOOST_TEST((files_in(archive.path()) == files));
}

BOOST_AUTO_TEST_CASE(what_another_process_is_putting_is_left_to_it) {
    RealArchive archive;
    put(archive.store(), "on its way");
    const auto other = archive.open("another sync");
    keep(other->archive(), "quick");
    require_ok(archive.store().make_durable());
    BOOST_TEST((get(archive.store(), sha256("on its way")) == "on its way"));
}

BOOST_AUTO_TEST_CASE(a_content_that_was_made_durable_survives_a_kill) {
    const TemporaryDirectory directory;
    BOOST_TEST(in_child([&] {
                   OpenState state(directory.path());
                   auto writer = state.sync->archive().put(4);
                   if (!writer.ok() || !(*writer)->write("kept").ok() ||
                       !(*writer)->finish().ok() || !state.sync->archive().make_durable().ok()) {
                       return 1;
                   }
                   ::kill(::getpid(), SIGKILL);
                   return 2;
               }) == -SIGKILL);
    const OpenState state(directory.path());
    BOOST_TEST((get(state.sync->archive(), sha256("kept")) == "kept"));
}

BOOST_AUTO_TEST_CASE(many_may_put_at_once) {
    RealArchive archive;
    std::atomic<int> failures = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 40; ++i) {
                // Half of them are put by two threads.
                const Bytes content = "content " + std::to_string(i * 4 + t / 2 * 2);
                auto writer = archive.store().put(content.size());
                failures += !writer.ok() || !(*writer)->write(content).ok() ||
                                    !(*writer)->finish().ok() ||
                                    !archive.store().make_durable().ok()
                                ? 1
                                : 0;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    BOOST_TEST(failures.load() == 0);
    BOOST_TEST(require_value(archive.store().usage()).contents == 80U);
    BOOST_TEST(files_in(archive.path()).size() == 80U);
}

BOOST_AUTO_TEST_SUITE_END()
