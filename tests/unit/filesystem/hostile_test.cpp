#include "support.hpp"

#include <boost/test/unit_test.hpp>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

using namespace fstest;

namespace {

// Runs `body` in a child without privileges; its result is the exit status.
int as_nobody(const std::function<int()>& body) {
    const pid_t child = fork();
    if (child == 0) {
        int code = 97;
        if (geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0)) {
            try {
                code = body();
            } catch (...) {
                code = 98;
            }
        }
        _exit(code);
    }
    int status = 0;
    BOOST_REQUIRE_EQUAL(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

} // namespace

BOOST_AUTO_TEST_SUITE(hostile)

BOOST_AUTO_TEST_CASE(a_directory_swapped_for_a_link_between_calls_leads_nowhere) {
    for (const bool no_openat2 : {false, true}) {
        Playground ground;
        std::filesystem::create_directory(ground.base() + "/outside");
        Settings settings = Client::settings(ground);
        settings.tweaks.no_openat2 = no_openat2;
        std::int64_t now = 1;
        settings.now_mono_ns = [&] { return now; };
        Client client(settings);
        BOOST_TEST(client.put("d/e/f", "inside").code == SYNCLINE_OK);
        now += syncline::fs::RecentDirectories::kMomentNs;
        // The very same directory moves out and a link to it takes its place.
        std::filesystem::rename(ground.path("d"), ground.base() + "/outside/d");
        ground.link("d", "../outside/d");
        Bytes bytes;
        const Outcome read = client.get("d/e/f", bytes);
        BOOST_TEST(read.code == SYNCLINE_E_CONFLICT);
        BOOST_TEST(read.message.find("symbolic link is in the way") != std::string::npos);
        BOOST_TEST(bytes.begins == 0);
        for (const std::uint32_t condition : {SYNCLINE_COND_ALWAYS, SYNCLINE_COND_IF_ABSENT}) {
            BOOST_TEST(client.put("d/e/new", "x", {condition}).code == SYNCLINE_E_CONFLICT);
            BOOST_TEST(client.put("d/new/new", "x", {condition}).code == SYNCLINE_E_CONFLICT);
            BOOST_TEST(client.put("d/x/", "", {condition, {}, SYNCLINE_KIND_CONTAINER}).code ==
                       SYNCLINE_E_CONFLICT);
        }
        BOOST_TEST(client.remove("d/e/f").code == SYNCLINE_E_CONFLICT);
        BOOST_TEST(client.rename("d/e/f", "g").code == SYNCLINE_E_CONFLICT);
        BOOST_TEST(client.set_meta("d/e/f", {SYNCLINE_COND_ALWAYS}).code == SYNCLINE_E_CONFLICT);
        BOOST_TEST(client.stat("d/e/f").code ==
                   SYNCLINE_E_NOT_FOUND); // proven: "d" is a link and has nothing below
        BOOST_TEST(client.keys() == std::vector<std::string>{"d"},
                   boost::test_tools::per_element());
        BOOST_TEST(client.keys("d/").empty());
        BOOST_TEST(std::filesystem::exists(ground.base() + "/outside/d/e/f"));
        BOOST_TEST(!std::filesystem::exists(ground.base() + "/outside/d/e/new"));
        BOOST_TEST(!std::filesystem::exists(ground.base() + "/outside/d/new"));
    }
}

BOOST_AUTO_TEST_CASE(a_directory_is_where_it_was_found_for_a_moment_only) {
    Playground ground;
    std::filesystem::create_directory(ground.base() + "/outside");
    Settings settings = Client::settings(ground);
    std::int64_t now = 1;
    settings.now_mono_ns = [&] { return now; };
    Client client(settings);
    Put short_body;
    short_body.announced = 1;
    const auto stays = [&](const std::string& name) {
        BOOST_TEST(client.put("d/" + name, "x", short_body).code == SYNCLINE_OK);
        return ground.exists("d/" + name);
    };
    BOOST_TEST(stays("first"));
    std::filesystem::rename(ground.path("d"), ground.base() + "/outside/d");
    now += syncline::fs::RecentDirectories::kMomentNs - 1;
    BOOST_TEST(!stays("went along"));
    ++now;
    BOOST_TEST(stays("found anew"));
}

BOOST_AUTO_TEST_CASE(a_directory_that_we_moved_or_removed_is_found_anew_at_once) {
    Playground ground;
    Settings settings = Client::settings(ground);
    settings.now_mono_ns = [] { return 1; };
    Client client(settings);
    BOOST_TEST(client.put("d/f", "x").code == SYNCLINE_OK);
    BOOST_TEST(client.rename("d/", "e/").code == SYNCLINE_OK);
    BOOST_TEST(client.put("d/f", "y").code == SYNCLINE_OK);
    BOOST_TEST(ground.read("d/f") == "y");
    BOOST_TEST(ground.read("e/f") == "x");
    BOOST_TEST(client.remove("d/f").code == SYNCLINE_OK);
    BOOST_TEST(client.remove("d/").code == SYNCLINE_OK);
    BOOST_TEST(client.put("d/f", "z").code == SYNCLINE_OK);
    BOOST_TEST(ground.read("d/f") == "z");
}

BOOST_AUTO_TEST_CASE(a_directory_that_moves_out_while_a_long_body_is_written_takes_no_file_along) {
    for (const bool replaced_by_another : {false, true}) {
        for (const std::uint32_t condition : {SYNCLINE_COND_ALWAYS, SYNCLINE_COND_IF_ABSENT}) {
            Playground ground;
            std::filesystem::create_directory(ground.base() + "/outside");
            ground.directory("d");
            Client client(ground);
            Source source("a body of unknown length");
            source.before_read = [&] {
                if (std::filesystem::exists(ground.base() + "/outside/d")) {
                    return;
                }
                std::filesystem::rename(ground.path("d"), ground.base() + "/outside/d");
                if (replaced_by_another) {
                    ground.directory("d");
                }
            };
            const Outcome out = client.put_from("d/f", source, {condition});
            BOOST_TEST(out.code == SYNCLINE_E_CONFLICT);
            BOOST_TEST(out.message.find("was moved while it was written") != std::string::npos);
            BOOST_TEST(std::filesystem::is_empty(ground.base() + "/outside/d"));
            BOOST_TEST(!std::filesystem::exists(ground.path("d/f")));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_directory_swapped_for_a_link_during_a_listing_is_unknown) {
    Playground ground;
    std::filesystem::create_directory(ground.base() + "/outside");
    ground.directory("d");
    ground.write("d/f", "x");
    ground.write("e", "x");
    Tweaks tweaks;
    tweaks.before_descending = [&] {
        std::filesystem::rename(ground.path("d"), ground.base() + "/outside/d");
        ground.link("d", "../outside/d");
    };
    Client client(ground, tweaks);
    const std::vector<Seen> items = client.list();
    BOOST_REQUIRE_EQUAL(items.size(), 2U);
    BOOST_TEST(items[0].key == "d/");
    BOOST_TEST(items[0].unreadable());
    BOOST_TEST(items[1].key == "e");
    BOOST_TEST(!items[1].unreadable());
}

BOOST_AUTO_TEST_CASE(what_changes_its_kind_or_vanishes_during_a_listing) {
    Playground ground;
    ground.write("becomes-dir", "x");
    ground.write("vanishes", "x");
    ground.directory("gone");
    Tweaks tweaks;
    tweaks.before_descending = [&] {
        std::filesystem::remove(ground.path("becomes-dir"));
        ground.directory("becomes-dir");
        std::filesystem::remove(ground.path("vanishes"));
        std::filesystem::remove(ground.path("gone"));
    };
    Client client(ground, tweaks);
    const std::vector<Seen> items = client.list();
    BOOST_REQUIRE_EQUAL(items.size(), 1U);
    BOOST_TEST(items[0].key == "becomes-dir");
    BOOST_TEST(items[0].unreadable());
}

// Another program replaces the file between our check and the exchange: its file must survive.
BOOST_AUTO_TEST_CASE(a_file_that_was_displaced_by_mistake_comes_back) {
    for (const bool by_rename : {true, false}) {
        for (const std::uint32_t condition : {SYNCLINE_COND_IF_VERSION, SYNCLINE_COND_ALWAYS}) {
            Playground ground;
            ground.write("f", "old");
            Tweaks tweaks;
            tweaks.before_swap = [&] {
                if (by_rename) {
                    ground.write("g", "theirs");
                    std::filesystem::rename(ground.path("g"), ground.path("f"));
                } else {
                    ground.write("f", "theirs");
                }
            };
            Client client(ground, tweaks);
            const Outcome out = client.put("f", "ours", {condition, client.stat("f").item.version});
            BOOST_TEST(out.code == SYNCLINE_E_CONFLICT);
            BOOST_TEST(out.details.count("current_version") == 1U);
            BOOST_TEST(ground.read("f") == "theirs");
            BOOST_TEST(ground.count_names() == 1U);
        }
    }
    // The same, where another program puts a directory or nothing there.
    for (const bool removes : {true, false}) {
        Playground ground;
        ground.write("f", "old");
        Tweaks tweaks;
        tweaks.before_swap = [&] {
            std::filesystem::remove(ground.path("f"));
            if (!removes) {
                ground.directory("f");
                ground.write("f/inside", "x");
            }
        };
        Client client(ground, tweaks);
        const Outcome out =
            client.put("f", "ours", {SYNCLINE_COND_IF_VERSION, client.stat("f").item.version});
        BOOST_TEST(out.code == SYNCLINE_E_CONFLICT);
        BOOST_TEST(ground.exists("f/inside") == !removes);
        BOOST_TEST(ground.count_names() == (removes ? 0U : 1U));
    }
}

BOOST_AUTO_TEST_CASE(a_rename_over_a_file_that_changed_is_undone) {
    Playground ground;
    ground.write("a", "A");
    ground.write("b", "B");
    Tweaks tweaks;
    tweaks.before_swap = [&] { ground.write("b", "theirs"); };
    Client client(ground, tweaks);
    BOOST_TEST(
        client.rename("a", "b", SYNCLINE_COND_IF_VERSION, {}, client.stat("b").item.version).code ==
        SYNCLINE_E_CONFLICT);
    BOOST_TEST(ground.read("a") == "A");
    BOOST_TEST(ground.read("b") == "theirs");
}

BOOST_AUTO_TEST_CASE(what_may_not_be_read_is_unknown_and_not_absent) {
    Playground ground;
    ground.directory("closed");
    ground.write("closed/f", "x");
    ground.directory("noentry");
    ground.write("noentry/f", "x");
    ground.directory("noentry/sub");
    ground.write("open", "x");
    ground.write("secret", "x");
    BOOST_REQUIRE_EQUAL(chmod(ground.base().c_str(), 0755), 0);
    BOOST_REQUIRE_EQUAL(chmod(ground.path("closed").c_str(), 0), 0);
    BOOST_REQUIRE_EQUAL(chmod(ground.path("noentry").c_str(), 0744), 0);
    BOOST_REQUIRE_EQUAL(chmod(ground.path("secret").c_str(), 0), 0);
    const int code = as_nobody([&] {
        Client client(ground);
        std::map<std::string, Seen> items;
        for (const Seen& item : client.list()) {
            items[item.key] = item;
        }
        if (items.size() != 6 || !items["closed/"].unreadable() || items["noentry/"].unreadable() ||
            !items["noentry/f"].unreadable() || !items["noentry/sub/"].unreadable() ||
            items["open"].unreadable() || items["secret"].unreadable()) {
            return 1;
        }
        Bytes bytes;
        const Outcome secret = client.get("secret", bytes);
        if (secret.code != SYNCLINE_E_PERMISSION_DENIED ||
            secret.details.at("os_error") != std::to_string(EACCES)) {
            return 2;
        }
        if (client.get("closed/f", bytes).code != SYNCLINE_E_PERMISSION_DENIED ||
            client.stat("closed/f").code != SYNCLINE_E_PERMISSION_DENIED) {
            return 3;
        }
        if (client.put("new", "x").code != SYNCLINE_E_PERMISSION_DENIED ||
            client.remove("open").code != SYNCLINE_E_PERMISSION_DENIED) {
            return 4;
        }
        return 0;
    });
    BOOST_TEST(code == 0);
}

// The route through /proc, which is the only one without privilege on older kernels.
BOOST_AUTO_TEST_CASE(an_ordinary_user_can_do_everything) {
    Playground ground;
    BOOST_REQUIRE_EQUAL(chmod(ground.base().c_str(), 0777), 0);
    BOOST_REQUIRE_EQUAL(chmod(ground.root().c_str(), 0777), 0);
    const int code = as_nobody([&] {
        Client client(ground);
        const Outcome made = client.put("d/f", "one");
        const Outcome updated =
            client.put("d/f", "two", {SYNCLINE_COND_IF_VERSION, made.item.version});
        const bool is_fine =
            made.code == SYNCLINE_OK && updated.code == SYNCLINE_OK && client.keys().size() == 2 &&
            client.remove("d/f").code == SYNCLINE_OK && client.remove("d/").code == SYNCLINE_OK;
        return is_fine ? 0 : 1;
    });
    BOOST_TEST(code == 0);
}

// Needs the right to mount, in a mount namespace of its own.
BOOST_AUTO_TEST_CASE(a_mount_point_is_unknown_and_closed) {
    constexpr int kSkipped = 77;
    Playground ground;
    ground.directory("mnt");
    ground.directory("bound");
    ground.directory("d");
    ground.write("d/f", "x");
    const pid_t child = fork();
    if (child == 0) {
        const bool is_mounted =
            unshare(CLONE_NEWNS) == 0 &&
            mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
            mount("none", ground.path("mnt").c_str(), "tmpfs", 0, nullptr) == 0 &&
            mount(ground.path("d").c_str(), ground.path("bound").c_str(), nullptr, MS_BIND,
                  nullptr) == 0;
        if (!is_mounted) {
            _exit(kSkipped);
        }
        int failed = 0;
        for (const bool no_openat2 : {false, true}) {
            ground.write("mnt/hidden", "x");
            Tweaks tweaks;
            tweaks.no_openat2 = no_openat2;
            Client client(ground, tweaks);
            std::string shown;
            for (const Seen& item : client.list()) {
                shown += item.key + (item.unreadable() ? "? " : " ");
            }
            failed += shown == "bound/? d/ d/f mnt/? " ? 0 : 1;
            Bytes bytes;
            failed += client.stat("mnt/").item.unreadable() ? 0 : 1;
            failed += client.stat("mnt/hidden").code == SYNCLINE_E_CONFLICT ? 0 : 1;
            failed += client.get("bound/f", bytes).code == SYNCLINE_E_CONFLICT ? 0 : 1;
            failed += client.put("mnt/new", "x").code == SYNCLINE_E_CONFLICT ? 0 : 1;
            failed += client.remove("mnt/hidden").code == SYNCLINE_E_CONFLICT ? 0 : 1;
            failed += client.remove("mnt/").code < 0 ? 0 : 1;
            // The same directory through two mounts is one place.
            Settings through = Client::settings(ground);
            through.path = ground.path("bound");
            Settings direct = Client::settings(ground);
            direct.path = ground.path("d");
            syncline::sdk::Info a;
            syncline::sdk::Info b;
            failed += Client(through).endpoint.info(a).ok() ? 0 : 1;
            failed += Client(direct).endpoint.info(b).ok() ? 0 : 1;
            failed += a.scope_id == b.scope_id && a.scope_path == b.scope_path ? 0 : 1;
            // A root on another file system has another scope.
            through.path = ground.path("mnt");
            failed += Client(through).endpoint.info(a).ok() && a.scope_id != b.scope_id ? 0 : 1;
            const std::string remount = ground.path("mnt");
            failed += mount("none", remount.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr);
            Client sealed(through);
            failed +=
                sealed.endpoint.info(a).ok() && (a.caps & SYNCLINE_CAP_READ_ONLY) != 0 ? 0 : 1;
            failed += sealed.put("x", "y").code == SYNCLINE_E_READ_ONLY ? 0 : 1;
            failed += mount("none", remount.c_str(), nullptr, MS_REMOUNT, nullptr);
        }
        _exit(failed);
    }
    int status = 0;
    BOOST_REQUIRE_EQUAL(waitpid(child, &status, 0), child);
    BOOST_REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == kSkipped) {
        BOOST_TEST_MESSAGE("skipped: mounting is not permitted here");
    } else {
        BOOST_TEST(WEXITSTATUS(status) == 0);
    }
}

BOOST_AUTO_TEST_SUITE_END()
