#include "support.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <random>
#include <set>

using namespace fstest;

namespace {

// Names that sort differently as files and as directories, and names that break naive code.
const std::vector<std::string> kOddFiles = {"a-b",
                                            "a.txt",
                                            "a0",
                                            "-leading",
                                            "with\nnewline",
                                            "inv\xff\xfe"s,
                                            " ",
                                            "\x01"s,
                                            std::string(255, 'n'),
                                            "a/x",
                                            "a/x-y",
                                            "a/x/deep",
                                            "a/x0",
                                            "a/",
                                            "b/empty/",
                                            "\xc3\xa4\xc3\xb6",
                                            ".hidden",
                                            "b/.syncline-tmp-123456789abcdef",
                                            "b/.syncline-tmp-0123456789ABCDEF",
                                            "b/.syncline-tmp-0123456789abcdef.bak",
                                            "zz/" + std::string(255, 'd') + "/f"};

void plant(const Playground& ground) {
    for (const std::string& name : kOddFiles) {
        if (name.back() == '/') {
            ground.directory(name.substr(0, name.size() - 1));
            continue;
        }
        if (name == "a/x/deep") {
            ground.directory("a/y");
            ground.write("a/y/deep", "1");
            continue;
        }
        const std::size_t cut = name.rfind('/');
        if (cut != std::string::npos) {
            ground.directory(name.substr(0, cut));
        }
        ground.write(name, "content");
    }
    ground.directory("a/x_dir");
    ground.directory("x");
    ground.write("x-", "");
    ground.write("x/y", "");
    ground.write("x0", "");
    ground.link("link", "/nowhere/at all");
    ground.link("linkdir", "a");
}

} // namespace

BOOST_AUTO_TEST_SUITE(listing)

BOOST_AUTO_TEST_CASE(keys_ascend_strictly_and_nothing_is_missing) {
    Playground ground;
    plant(ground);
    Client client(ground);
    const std::vector<std::string> keys = client.keys();
    for (std::size_t i = 1; i < keys.size(); ++i) {
        BOOST_TEST(keys[i - 1].compare(keys[i]) < 0, keys[i - 1] << " before " << keys[i]);
    }
    std::set<std::string> expected;
    for (auto it = std::filesystem::recursive_directory_iterator(ground.root());
         it != std::filesystem::recursive_directory_iterator(); ++it) {
        std::string key = it->path().string().substr(ground.root().size() + 1);
        expected.insert(it->is_directory() && !it->is_symlink() ? key + "/" : key);
    }
    const std::set<std::string> found(keys.begin(), keys.end());
    BOOST_TEST(found == expected);
    BOOST_TEST(keys.size() == expected.size());
}

BOOST_AUTO_TEST_CASE(random_trees_come_out_in_byte_order) {
    std::mt19937 random(20240501);
    for (int round = 0; round < 20; ++round) {
        Playground ground;
        static const char kAlphabet[] = "a-/.0/~b";
        std::set<std::string> expected;
        for (int i = 0; i < 60; ++i) {
            std::string name(1 + random() % 6, 'a');
            for (char& c : name) {
                c = kAlphabet[random() % 8];
            }
            std::error_code ignored;
            std::string clean;
            for (const char c : name) {
                if (c == '/' && (clean.empty() || clean.back() == '/' || clean.back() == '.')) {
                    clean += 'q';
                }
                clean += c;
            }
            while (!clean.empty() && (clean.back() == '/' || clean.back() == '.')) {
                clean += 'z';
            }
            const std::filesystem::path path = ground.path(clean);
            std::filesystem::create_directories(path.parent_path(), ignored);
            if (!ignored && !std::filesystem::exists(path, ignored) && !ignored) {
                ground.write(clean, "x");
            }
        }
        for (const auto& entry : std::filesystem::recursive_directory_iterator(ground.root())) {
            const std::string key = entry.path().string().substr(ground.root().size() + 1);
            expected.insert(entry.is_directory() ? key + "/" : key);
        }
        Client client(ground);
        const std::vector<std::string> keys = client.keys();
        BOOST_TEST(keys == std::vector<std::string>(expected.begin(), expected.end()),
                   boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(every_page_size_and_every_stop_give_the_same_items) {
    Playground ground;
    plant(ground);
    Client client(ground);
    const std::vector<std::string> whole = client.keys();
    for (std::uint32_t page = 1; page <= whole.size() + 1; ++page) {
        std::vector<std::string> pieces;
        std::string cursor;
        int pages = 0;
        do {
            Items items;
            BOOST_REQUIRE_EQUAL(client.list_page(items, page, cursor).code, SYNCLINE_OK);
            BOOST_TEST(items.all.size() <= page);
            BOOST_TEST((!items.all.empty() || pages > 0));
            for (const Seen& item : items.all) {
                pieces.push_back(item.key);
            }
            cursor = items.cursor;
            ++pages;
        } while (!cursor.empty());
        BOOST_TEST(pieces == whole, boost::test_tools::per_element());
        BOOST_TEST(static_cast<std::size_t>(pages) == (whole.size() + page - 1) / page);
    }
    for (std::size_t stop = 1; stop <= whole.size(); ++stop) {
        // A page of `stop` items, after which the sink has enough.
        std::vector<std::string> pieces;
        Items page;
        page.stop_after = 1;
        BOOST_REQUIRE_EQUAL(client.list_page(page, static_cast<std::uint32_t>(stop)).code,
                            SYNCLINE_OK);
        BOOST_REQUIRE(!page.all.empty());
        for (const Seen& item : page.all) {
            pieces.push_back(item.key);
        }
        BOOST_REQUIRE(!page.cursor.empty());
        Items rest;
        BOOST_REQUIRE_EQUAL(client.list_page(rest, UINT32_MAX, page.cursor).code, SYNCLINE_OK);
        for (const Seen& item : rest.all) {
            pieces.push_back(item.key);
        }
        BOOST_TEST(pieces == whole, boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(any_start_after_and_any_prefix_select_exactly_what_they_say) {
    Playground ground;
    plant(ground);
    Client client(ground);
    const std::vector<std::string> whole = client.keys();
    std::set<std::string> probes = {"", "a", "a/", "a0", "b", "zzzz", "a//", "/", "nope/x", "a/x/"};
    for (const std::string& key : whole) {
        for (std::size_t size = 1; size <= key.size() && size < 12; ++size) {
            probes.insert(key.substr(0, size));
        }
        probes.insert(key);
        probes.insert(key + "/");
        probes.insert(key + "!");
    }
    for (const std::string& probe : probes) {
        std::vector<std::string> after;
        std::vector<std::string> below;
        for (const std::string& key : whole) {
            if (key.compare(probe) > 0) {
                after.push_back(key);
            }
            if (key.compare(0, probe.size(), probe) == 0) {
                below.push_back(key);
            }
        }
        Items items;
        BOOST_REQUIRE_EQUAL(client.list_page(items, UINT32_MAX, {}, {}, 0, probe).code,
                            SYNCLINE_OK);
        std::vector<std::string> got;
        for (const Seen& item : items.all) {
            got.push_back(item.key);
        }
        BOOST_TEST_CONTEXT("probe " << probe) {
            BOOST_TEST(got == after, boost::test_tools::per_element());
            BOOST_TEST(client.keys(probe) == below, boost::test_tools::per_element());
        }
    }
}

BOOST_AUTO_TEST_CASE(items_say_what_is_there) {
    Playground ground;
    ground.write("file", "hello");
    ground.write("tool", "#!/bin/sh");
    BOOST_REQUIRE_EQUAL(chmod(ground.path("tool").c_str(), 0755), 0);
    ground.directory("dir");
    ground.link("link", "the target");
    BOOST_REQUIRE_EQUAL(mkfifo(ground.path("pipe").c_str(), 0644), 0);
    Client client(ground);
    std::map<std::string, Seen> items;
    for (const Seen& item : client.list()) {
        items[item.key] = item;
    }
    BOOST_TEST(items.size() == 5U);
    BOOST_TEST(items["file"].kind == SYNCLINE_KIND_OBJECT);
    BOOST_TEST(items["file"].size == 5U);
    BOOST_TEST(items["file"].mtime_ns == kOld);
    BOOST_TEST(items["file"].version.size() == 32U);
    BOOST_TEST(items["file"].executable.empty());
    BOOST_TEST((items["file"].fields & SYNCLINE_ITEM_META) != 0U);
    BOOST_TEST(items["tool"].executable == "1");
    BOOST_TEST(items["dir/"].kind == SYNCLINE_KIND_CONTAINER);
    BOOST_TEST(items["dir/"].version.empty());
    BOOST_TEST((items["dir/"].fields & (SYNCLINE_ITEM_SIZE | SYNCLINE_ITEM_VERSION)) == 0U);
    BOOST_TEST(items["link"].kind == SYNCLINE_KIND_LINK);
    BOOST_TEST(items["link"].size == 10U);
    BOOST_TEST(items["pipe"].kind == SYNCLINE_KIND_OTHER);
    for (const auto& [key, item] : items) {
        const Outcome stat = client.stat(key);
        BOOST_TEST(stat.code == SYNCLINE_OK);
        BOOST_TEST(stat.item.version == item.version);
        BOOST_TEST(stat.item.id == item.id);
        BOOST_TEST(stat.item.kind == item.kind);
        BOOST_TEST(stat.item.key == key);
    }
    const std::string id = items["file"].id;
    BOOST_REQUIRE_EQUAL(rename(ground.path("file").c_str(), ground.path("moved").c_str()), 0);
    BOOST_TEST(client.stat("moved").item.id == id);
    BOOST_TEST(client.stat("file").code == SYNCLINE_E_NOT_FOUND);
}

BOOST_AUTO_TEST_CASE(a_key_names_one_kind_only) {
    Playground ground;
    ground.write("file", "x");
    ground.directory("dir");
    Client client(ground);
    BOOST_TEST(client.stat("file/").code == SYNCLINE_E_NOT_FOUND);
    BOOST_TEST(client.stat("dir").code == SYNCLINE_E_NOT_FOUND);
    BOOST_TEST(client.stat("file/below").code == SYNCLINE_E_NOT_FOUND);
    BOOST_TEST(client.stat("none/below").code == SYNCLINE_E_NOT_FOUND);
    Bytes bytes;
    BOOST_TEST(client.get("dir", bytes).code == SYNCLINE_E_NOT_FOUND);
}

// A clock whose granularity is two seconds: what was touched since its last tick may change again
// unseen.
BOOST_AUTO_TEST_CASE(writes_within_the_granularity_are_unsettled) {
    Playground ground;
    ground.write("fresh", "1");
    ground.write("old", "1");
    Settings settings = Client::settings(ground);
    settings.granularity_ns = 2 * kSecond;
    std::int64_t now = syncline::fs::wall_now_ns() + kSecond;
    settings.now_wall_ns = [&now] { return now; };
    Client client(settings);
    BOOST_TEST(client.stat("fresh").item.unsettled()); // its ctime is a second ago
    for (const Seen& item : client.list()) {
        BOOST_TEST(item.unsettled());
    }
    now += 2 * kSecond;
    BOOST_TEST(!client.stat("fresh").item.unsettled());
    for (const Seen& item : client.list()) {
        BOOST_TEST(!item.unsettled());
    }
    ground.write("old", "2", now); // an mtime in the future of everything else
    for (const Seen& item : client.list()) {
        BOOST_TEST(item.unsettled() == (item.key == "old"));
    }
    // The edge: a timestamp of exactly the start minus the granularity may still be followed by an
    // equal one.
    ground.write("old", "2", now + kSecond);
    now += 3 * kSecond;
    BOOST_TEST(client.stat("old").item.unsettled());
    now += 1;
    BOOST_TEST(!client.stat("old").item.unsettled());
}

BOOST_AUTO_TEST_CASE(a_cancelled_listing_ends_soon) {
    Playground ground;
    for (int i = 0; i < 1000; ++i) {
        ground.write("f" + std::to_string(i), "");
    }
    Client client(ground);
    Call call;
    call.cancel_at = 5;
    Items items;
    BOOST_TEST(client.list_page(call, items, UINT32_MAX, {}, {}, {}).code == SYNCLINE_E_CANCELLED);
    BOOST_TEST(items.all.size() < 1000U);
    BOOST_TEST(call.polls == 5);
}

BOOST_AUTO_TEST_CASE(the_status_of_a_failing_sink_comes_back) {
    Playground ground;
    ground.write("a", "");
    Client client(ground);
    Items items;
    items.answer = SYNCLINE_E_ABORTED;
    BOOST_TEST(client.list_page(items).code == SYNCLINE_E_ABORTED);
}

BOOST_AUTO_TEST_CASE(a_missing_root_is_an_error_and_not_an_empty_listing) {
    Playground ground;
    Client client(ground);
    BOOST_TEST(client.keys().empty());
    std::filesystem::remove(ground.root());
    Items items;
    const Outcome gone = client.list_page(items);
    BOOST_TEST(gone.code == SYNCLINE_E_NOT_FOUND);
    BOOST_TEST(gone.message.find("does not exist") != std::string::npos);
    BOOST_TEST(client.endpoint.check().code() == SYNCLINE_E_NOT_FOUND);
    syncline::sdk::Info info;
    BOOST_TEST(client.endpoint.info(info).code() == SYNCLINE_E_NOT_FOUND);
    std::ofstream(ground.root()) << "a file";
    BOOST_TEST(client.endpoint.check().code() == SYNCLINE_E_INVALID_CONFIG);
    std::filesystem::remove(ground.root());
    std::filesystem::create_directory(ground.root());
    ground.write("new", "1");
    BOOST_TEST(client.keys().size() == 1U);
}

BOOST_AUTO_TEST_CASE(two_thousand_levels_need_few_descriptors_and_no_recursion) {
    Playground ground;
    std::string key;
    syncline::fs::Fd at(::open(ground.root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (int level = 0; level < 2000; ++level) {
        const std::string name = "level" + std::to_string(level % 10);
        BOOST_REQUIRE_EQUAL(mkdirat(at.get(), name.c_str(), 0755), 0);
        if (level % 100 ==
            50) { // something behind the way down, so that far levels are opened again
            const int fd = openat(at.get(), "zz", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
            BOOST_REQUIRE(fd >= 0);
            ::close(fd);
        }
        at.reset(openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        BOOST_REQUIRE(at.valid());
        key += name + "/";
    }
    Client client(ground);
    const std::vector<std::string> keys = client.keys();
    BOOST_TEST(keys.size() == 2020U);
    BOOST_TEST(std::is_sorted(keys.begin(), keys.end()));
    BOOST_TEST(client.put(key + "file", "deep").code == SYNCLINE_OK);
    Bytes bytes;
    BOOST_TEST(client.get(key + "file", bytes).code == SYNCLINE_OK);
    BOOST_TEST(bytes.body == "deep");
    BOOST_TEST(client.keys(key).size() == 2U);
    BOOST_TEST(client.remove(key + "file").code == SYNCLINE_OK);
    BOOST_TEST(client.remove(key).code == SYNCLINE_OK);
}

BOOST_AUTO_TEST_SUITE_END()
