#include "support.hpp"

#include <boost/test/unit_test.hpp>

using namespace fstest;

namespace {

unsigned mode_of(const Playground& ground, const std::string& name) {
    struct stat state {};
    BOOST_REQUIRE_EQUAL(lstat(ground.path(name).c_str(), &state), 0);
    return state.st_mode & 07777U;
}

// Every way to bring a file into place that some file system forces on us.
std::vector<Tweaks> all_routes() {
    std::vector<Tweaks> out(7);
    out[1].no_empty_path_link = true;
    out[2].no_tmpfile = true;
    out[3].no_tmpfile = out[3].no_noreplace = true;
    out[4].no_tmpfile = out[4].no_noreplace = out[4].no_hard_link = true;
    out[5].no_exchange = true;
    out[6].no_openat2 = true;
    return out;
}

Put always() { return {SYNCLINE_COND_ALWAYS}; }
Put if_version(const std::string& version) { return {SYNCLINE_COND_IF_VERSION, version}; }

} // namespace

BOOST_AUTO_TEST_SUITE(writing)

BOOST_AUTO_TEST_CASE(conditions_hold_on_every_route) {
    for (const Tweaks& tweaks : all_routes()) {
        Playground ground;
        Client client(ground, tweaks);
        const Outcome made = client.put("d/e/f", "one");
        BOOST_TEST(made.code == SYNCLINE_OK, made.message);
        BOOST_TEST(made.item.mtime_ns == kOld);
        BOOST_TEST(made.item.size == 3U);
        BOOST_TEST(!made.item.unsettled());
        BOOST_TEST(made.item.version == client.stat("d/e/f").item.version);

        const Outcome again = client.put("d/e/f", "two");
        BOOST_TEST(again.code == SYNCLINE_E_ALREADY_EXISTS);
        BOOST_TEST(again.details.count("current_version") == 1U);
        BOOST_TEST(ground.read("d/e/f") == "one");

        const Outcome stale = client.put("d/e/f", "two", if_version(std::string(32, 'x')));
        BOOST_TEST(stale.code == SYNCLINE_E_CONFLICT);
        BOOST_TEST(stale.details.count("current_version") == 1U);
        BOOST_TEST(client.put("d/e/none", "two", if_version("x")).code == SYNCLINE_E_CONFLICT);
        BOOST_TEST(client.put("none/f", "two", if_version("x")).code == SYNCLINE_E_CONFLICT);
        BOOST_TEST(!ground.exists("none"));
        BOOST_TEST(ground.read("d/e/f") == "one");
        BOOST_TEST(made.item.version == client.stat("d/e/f").item.version);

        const Outcome updated = client.put("d/e/f", "three", if_version(made.item.version));
        BOOST_TEST(updated.code == SYNCLINE_OK, updated.message);
        BOOST_TEST(ground.read("d/e/f") == "three");
        BOOST_TEST(updated.item.version == client.stat("d/e/f").item.version);
        BOOST_TEST(updated.item.version != made.item.version);

        BOOST_TEST(client.put("d/e/f", "four", always()).code == SYNCLINE_OK);
        BOOST_TEST(client.put("d/e/g", "five", always()).code == SYNCLINE_OK);
        BOOST_TEST(ground.read("d/e/f") == "four");

        const Outcome wrong = client.remove("d/e/f", SYNCLINE_COND_IF_VERSION, made.item.version);
        BOOST_TEST(wrong.code == SYNCLINE_E_CONFLICT);
        BOOST_TEST(wrong.details.count("current_version") == 1U);
        BOOST_TEST(
            client.remove("d/e/f", SYNCLINE_COND_IF_VERSION, client.stat("d/e/f").item.version)
                .code == SYNCLINE_OK);
        BOOST_TEST(client.remove("d/e/f").code == SYNCLINE_E_NOT_FOUND);
        BOOST_TEST(client.keys() == (std::vector<std::string>{"d/", "d/e/", "d/e/g"}),
                   boost::test_tools::per_element());
        BOOST_TEST(client.put("x", "y", {99}).code == SYNCLINE_E_NOT_SUPPORTED);
    }
}

BOOST_AUTO_TEST_CASE(links_on_every_route) {
    for (const Tweaks& tweaks : all_routes()) {
        Playground ground;
        Client client(ground, tweaks);
        Put how;
        how.kind = SYNCLINE_KIND_LINK;
        const Outcome made = client.put("l", "../outside", how);
        BOOST_TEST(made.code == SYNCLINE_OK, made.message);
        BOOST_TEST(made.item.kind == SYNCLINE_KIND_LINK);
        BOOST_TEST(made.item.mtime_ns == kOld);
        BOOST_TEST(client.put("l", "other", how).code == SYNCLINE_E_ALREADY_EXISTS);
        how.condition = SYNCLINE_COND_IF_VERSION;
        how.expected = made.item.version;
        const Outcome moved = client.put("l", "other", how);
        BOOST_TEST(moved.code == SYNCLINE_OK, moved.message);
        BOOST_TEST(std::filesystem::read_symlink(ground.path("l")) == "other");
        BOOST_TEST(client.put("l", "third", how).code == SYNCLINE_E_CONFLICT);
        // A file in place of the link, by version, does not touch what the link points to.
        ground.write("other", "victim");
        BOOST_TEST(client.put("l", "file", if_version(moved.item.version)).code == SYNCLINE_OK);
        BOOST_TEST(ground.read("l") == "file");
        BOOST_TEST(ground.read("other") == "victim");
        BOOST_TEST(ground.count_names() == 2U);
        BOOST_TEST(
            client.put("n", "a\0b"s, {SYNCLINE_COND_IF_ABSENT, {}, SYNCLINE_KIND_LINK}).code ==
            SYNCLINE_E_INVALID_ARGUMENT);
        BOOST_TEST(client.put("n", "", {SYNCLINE_COND_IF_ABSENT, {}, SYNCLINE_KIND_LINK}).code ==
                   SYNCLINE_E_INVALID_ARGUMENT);
    }
}

BOOST_AUTO_TEST_CASE(containers) {
    Playground ground;
    Client client(ground);
    Put how;
    how.kind = SYNCLINE_KIND_CONTAINER;
    BOOST_TEST(client.put("a/b/", "", how).code == SYNCLINE_OK);
    BOOST_TEST(client.put("a/b/", "", how).code == SYNCLINE_E_ALREADY_EXISTS);
    how.condition = SYNCLINE_COND_ALWAYS;
    BOOST_TEST(client.put("a/b/", "", how).code == SYNCLINE_OK);
    how.condition = SYNCLINE_COND_IF_VERSION;
    BOOST_TEST(client.put("a/b/", "", how).code == SYNCLINE_OK);
    BOOST_TEST(client.put("a/c/", "", how).code == SYNCLINE_E_CONFLICT);
    const Outcome full = client.remove("a/");
    BOOST_TEST(full.code == SYNCLINE_E_CONFLICT);
    BOOST_TEST(full.message.find("directory not empty") != std::string::npos);
    BOOST_TEST(client.remove("a/b/").code == SYNCLINE_OK);
    BOOST_TEST(client.remove("a/", SYNCLINE_COND_IF_VERSION).code == SYNCLINE_OK);
    BOOST_TEST(client.remove("a/").code == SYNCLINE_E_NOT_FOUND);
}

BOOST_AUTO_TEST_CASE(another_kind_in_the_way_is_a_conflict) {
    Playground ground;
    ground.directory("dir");
    ground.write("file", "x");
    Client client(ground);
    for (const std::uint32_t condition : {SYNCLINE_COND_ALWAYS, SYNCLINE_COND_IF_ABSENT}) {
        const Outcome file = client.put("dir", "x", {condition});
        BOOST_TEST(file.code == SYNCLINE_E_CONFLICT);
        BOOST_TEST(file.message.find("a directory is in the way") != std::string::npos);
        BOOST_TEST(client.put("dir", "x", {condition, {}, SYNCLINE_KIND_LINK}).code ==
                   SYNCLINE_E_CONFLICT);
        const Outcome dir = client.put("file/", "", {condition, {}, SYNCLINE_KIND_CONTAINER});
        BOOST_TEST(dir.code == SYNCLINE_E_CONFLICT);
        BOOST_TEST(dir.message.find("a file is in the way") != std::string::npos);
        BOOST_TEST(client.put("file/below", "x", {condition}).code == SYNCLINE_E_CONFLICT);
    }
    BOOST_TEST(client.remove("dir").code == SYNCLINE_E_NOT_FOUND);
    BOOST_TEST(client.remove("file/").code == SYNCLINE_E_NOT_FOUND);
    BOOST_TEST(ground.read("file") == "x");
}

BOOST_AUTO_TEST_CASE(a_body_of_the_wrong_length_or_a_failing_reader_leaves_nothing) {
    for (const Tweaks& tweaks : all_routes()) {
        Playground ground;
        ground.write("old", "old");
        Client client(ground, tweaks);
        Put how = always();
        for (const std::uint64_t announced : {0U, 2U, 4U}) {
            how.announced = announced;
            for (const char* key : {"new", "old"}) {
                BOOST_TEST(client.put(key, "abc", how).code == SYNCLINE_E_INTEGRITY);
            }
        }
        how.announced = SYNCLINE_SIZE_UNKNOWN;
        const Source longer("abc", 2);
        BOOST_TEST(client.put_from("new", longer, how).code == SYNCLINE_E_INTEGRITY);
        Source failing("abcdef");
        failing.step = 2;
        failing.fail_at = 4;
        BOOST_TEST(client.put_from("old", failing, how).code == SYNCLINE_E_UNAVAILABLE);
        BOOST_TEST(ground.read("old") == "old");
        BOOST_TEST(ground.count_names() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(modes_follow_the_umask_and_survive_updates) {
    Playground ground;
    const mode_t before = umask(027);
    for (const Tweaks& tweaks : all_routes()) {
        Client client(ground, tweaks);
        Put how = always();
        BOOST_TEST(client.put("plain", "x").code == SYNCLINE_OK);
        BOOST_TEST(mode_of(ground, "plain") == 0640U);
        how.executable = 1;
        BOOST_TEST(client.put("tool", "x", how).item.executable == "1");
        BOOST_TEST(mode_of(ground, "tool") == 0750U);
        BOOST_REQUIRE_EQUAL(chmod(ground.path("plain").c_str(), 0666), 0);
        BOOST_TEST(client.put("plain", "y", always()).code ==
                   SYNCLINE_OK); // says nothing about metadata
        BOOST_TEST(mode_of(ground, "plain") == 0666U);
        BOOST_TEST(client.put("plain", "y", how).code == SYNCLINE_OK);
        BOOST_TEST(mode_of(ground, "plain") == 0777U);
        how.executable = 0;
        BOOST_TEST(client.put("plain", "y", how).item.executable.empty());
        BOOST_TEST(mode_of(ground, "plain") == 0666U);
        if (geteuid() == 0) {
            BOOST_REQUIRE_EQUAL(chown(ground.path("plain").c_str(), 1234, 1235), 0);
            BOOST_TEST(client.put("plain", "z", always()).code == SYNCLINE_OK);
            struct stat state {};
            BOOST_REQUIRE_EQUAL(stat(ground.path("plain").c_str(), &state), 0);
            BOOST_TEST(state.st_uid == 1234U);
            BOOST_TEST(state.st_gid == 1235U);
            BOOST_TEST(mode_of(ground, "plain") == 0666U);
        }
        std::filesystem::remove(ground.path("plain"));
        std::filesystem::remove(ground.path("tool"));
    }
    umask(before);
}

// A private file used to become readable for everybody on the other side.
BOOST_AUTO_TEST_CASE(others_may_do_with_a_copy_no_more_than_with_its_original) {
    Playground ground;
    const mode_t before = umask(002);
    for (const Tweaks& tweaks : all_routes()) {
        Client client(ground, tweaks);
        // Each mode as an original, and what it becomes as a new file and in place of a 0664 one.
        const struct {
            mode_t mode;
            const char* access;
            mode_t as_new;
            mode_t as_update;
        } cases[] = {{0644, "", 0644, 0664},   {0600, "00", 0600, 0600}, {0640, "40", 0640, 0640},
                     {0660, "60", 0660, 0660}, {0664, "64", 0664, 0664}, {0666, "66", 0664, 0664},
                     {0604, "04", 0604, 0604}, {0755, "", 0755, 0775},   {0700, "00", 0700, 0700},
                     {0750, "40", 0750, 0750}, {0777, "66", 0775, 0775}, {0400, "00", 0600, 0600}};
        for (const auto& one : cases) {
            ground.write("original", "x");
            BOOST_REQUIRE_EQUAL(chmod(ground.path("original").c_str(), one.mode), 0);
            const Seen original = client.stat("original").item;
            BOOST_TEST(original.access == one.access);
            Put how;
            how.access = original.access;
            how.executable = original.executable == "1" ? 1 : 0;
            BOOST_TEST(client.put("copy", "x", how).code == SYNCLINE_OK);
            BOOST_TEST(mode_of(ground, "copy") == one.as_new);
            BOOST_REQUIRE_EQUAL(chmod(ground.path("copy").c_str(), 0664), 0);
            how.condition = SYNCLINE_COND_ALWAYS;
            BOOST_TEST(client.put("copy", "y", how).code == SYNCLINE_OK);
            BOOST_TEST(mode_of(ground, "copy") == one.as_update);
            std::filesystem::remove(ground.path("copy"));
        }
        Put strange = always();
        strange.access = "yes";
        BOOST_TEST(client.put("copy", "x", strange).code == SYNCLINE_OK);
        BOOST_TEST(mode_of(ground, "copy") == 0600U);
        std::filesystem::remove(ground.path("copy"));
        // What was made private in place stays so, whatever the original allows.
        ground.write("copy", "x");
        BOOST_REQUIRE_EQUAL(chmod(ground.path("copy").c_str(), 0600), 0);
        BOOST_TEST(client.put("copy", "y", always()).code == SYNCLINE_OK);
        Put open = always();
        open.access = "66";
        BOOST_TEST(client.set_meta("copy", open).code == SYNCLINE_OK);
        BOOST_TEST(mode_of(ground, "copy") == 0600U);
        std::filesystem::remove(ground.path("copy"));
        std::filesystem::remove(ground.path("original"));
    }
    umask(before);
}

BOOST_AUTO_TEST_CASE(a_private_directory_stays_private) {
    Playground ground;
    Client client(ground);
    ground.directory("original");
    BOOST_REQUIRE_EQUAL(chmod(ground.path("original").c_str(), 0750), 0);
    Put how(SYNCLINE_COND_IF_ABSENT, {}, SYNCLINE_KIND_CONTAINER);
    how.access = client.stat("original/").item.access;
    BOOST_TEST(how.access == "40");
    BOOST_TEST(client.put("copy/", "", how).code == SYNCLINE_OK);
    BOOST_TEST(mode_of(ground, "copy") == 0750U);
    for (const Seen& item : client.list()) {
        BOOST_TEST(item.access == "40");
    }
}

BOOST_AUTO_TEST_CASE(times_before_1970_and_now) {
    Playground ground;
    Client client(ground);
    Put how;
    how.mtime_ns = -1'500'000'001;
    BOOST_TEST(client.put("old", "x", how).item.mtime_ns == how.mtime_ns);
    how.mtime_ns = syncline::fs::wall_now_ns();
    const Outcome now = client.put("now", "x", how);
    BOOST_TEST(now.item.mtime_ns == how.mtime_ns);
    BOOST_TEST(now.item.unsettled()); // a write in this tick could leave mtime as it is
}

BOOST_AUTO_TEST_CASE(metadata_without_content) {
    Playground ground;
    ground.write("f", "x");
    ground.link("l", "x");
    ground.directory("d");
    Client client(ground);
    Put how = always();
    how.mtime_ns = kOld + kSecond;
    how.executable = 1;
    const Outcome out = client.set_meta("f", how);
    BOOST_TEST(out.code == SYNCLINE_OK);
    BOOST_TEST(out.item.mtime_ns == how.mtime_ns);
    BOOST_TEST(out.item.executable == "1");
    BOOST_TEST(out.item.version == client.stat("f").item.version);
    BOOST_TEST(mode_of(ground, "f") == 0755U);
    how.condition = SYNCLINE_COND_IF_VERSION;
    how.expected = out.item.version;
    how.executable = 0;
    BOOST_TEST(client.set_meta("f", how).code == SYNCLINE_OK);
    BOOST_TEST(mode_of(ground, "f") == 0644U);
    BOOST_TEST(client.set_meta("f", how).code == SYNCLINE_E_CONFLICT);
    how = always();
    how.kind = SYNCLINE_KIND_LINK;
    how.mtime_ns = kOld + 7;
    BOOST_TEST(client.set_meta("l", how).item.mtime_ns == kOld + 7);
    how.kind = SYNCLINE_KIND_CONTAINER;
    BOOST_TEST(client.set_meta("d/", how).code == SYNCLINE_OK);
    BOOST_TEST(client.set_meta("none/", how).code == SYNCLINE_E_NOT_FOUND);
    BOOST_TEST(ground.read("f") == "x");
}

BOOST_AUTO_TEST_CASE(renames) {
    for (const Tweaks& tweaks : all_routes()) {
        Playground ground;
        ground.write("a", "A");
        ground.write("b", "B");
        ground.directory("d");
        ground.write("d/x", "X");
        Client client(ground, tweaks);
        const std::string a = client.stat("a").item.version;
        const std::string id = client.stat("a").item.id;
        BOOST_TEST(client.rename("a", "b").code == SYNCLINE_E_ALREADY_EXISTS);
        BOOST_TEST(client.rename("a", "new/c", SYNCLINE_COND_IF_ABSENT, "stale").code ==
                   SYNCLINE_E_CONFLICT);
        const Outcome moved = client.rename("a", "new/c", SYNCLINE_COND_IF_ABSENT, a);
        BOOST_TEST(moved.code == SYNCLINE_OK, moved.message);
        BOOST_TEST(moved.item.key == "new/c");
        BOOST_TEST(moved.item.id == id);
        BOOST_TEST(moved.item.version == client.stat("new/c").item.version);
        BOOST_TEST(client.rename("a", "x").code == SYNCLINE_E_NOT_FOUND);
        const std::string b = client.stat("b").item.version;
        BOOST_TEST(client.rename("new/c", "b", SYNCLINE_COND_IF_VERSION, {}, "stale").code ==
                   SYNCLINE_E_CONFLICT);
        BOOST_TEST(client.rename("new/c", "b", SYNCLINE_COND_IF_VERSION, {}, b).code ==
                   SYNCLINE_OK);
        BOOST_TEST(ground.read("b") == "A");
        BOOST_TEST(!ground.exists("new/c"));
        BOOST_TEST(client.rename("d/", "new/d/").code == SYNCLINE_OK);
        BOOST_TEST(ground.read("new/d/x") == "X");
        BOOST_TEST(client.rename("new/", "new/d/y/").code == SYNCLINE_E_INVALID_ARGUMENT);
        BOOST_TEST(client.rename("b", "new/", SYNCLINE_COND_ALWAYS).code ==
                   SYNCLINE_E_INVALID_ARGUMENT);
        BOOST_TEST(client.rename("b", "new", SYNCLINE_COND_ALWAYS).code == SYNCLINE_E_CONFLICT);
        BOOST_TEST(client.rename("b", "new/d/x", SYNCLINE_COND_ALWAYS).code == SYNCLINE_OK);
        BOOST_TEST(ground.read("new/d/x") == "A");
    }
}

BOOST_AUTO_TEST_CASE(keys_that_no_file_can_have) {
    Playground ground;
    Client client(ground);
    const std::vector<std::string> bad = {"",
                                          "/",
                                          "/a",
                                          "a//b",
                                          "./a",
                                          "a/..",
                                          "../a",
                                          "a/../b",
                                          "a/.",
                                          "a\0b"s,
                                          "..",
                                          "a/../",
                                          ".syncline-tmp-0123456789abcdef",
                                          "a/.syncline-tmp-0123456789abcdef/x",
                                          std::string(256, 'x'),
                                          "a/" + std::string(256, 'x') + "/b"};
    for (const std::string& key : bad) {
        Put how;
        how.kind =
            !key.empty() && key.back() == '/' ? SYNCLINE_KIND_CONTAINER : SYNCLINE_KIND_OBJECT;
        Bytes bytes;
        std::vector<Outcome> answers{client.put(key, "x", how), client.stat(key),
                                     client.get(key, bytes),    client.remove(key),
                                     client.rename(key, "ok"),  client.rename("ok", key)};
        for (const Outcome& out : answers) {
            BOOST_TEST(out.code == SYNCLINE_E_KEY_INVALID, syncline::fs::printable(key));
            BOOST_TEST(out.details.count("rule") == 1U);
        }
    }
    BOOST_TEST(ground.count_names() == 0U);
}

BOOST_AUTO_TEST_CASE(a_dry_run_writes_nothing) {
    Playground ground;
    ground.write("f", "x");
    Client client(ground);
    Call call(SYNCLINE_CALL_DRY_RUN);
    syncline_remove_req req{};
    req.struct_size = sizeof req;
    req.condition = SYNCLINE_COND_ALWAYS;
    req.key = syncline::fs::bytes_of("f");
    BOOST_TEST(client.endpoint.remove(call.get(), req).code() == SYNCLINE_E_INVALID_STATE);
    BOOST_TEST(ground.exists("f"));
    BOOST_TEST(client.endpoint.flush(call.get()).ok());
}

BOOST_AUTO_TEST_CASE(flush_succeeds) {
    Playground ground;
    Client client(ground);
    Call call;
    BOOST_TEST(client.put("f", "x").code == SYNCLINE_OK);
    BOOST_TEST(client.endpoint.flush(call.get()).ok());
}

BOOST_AUTO_TEST_SUITE_END()
