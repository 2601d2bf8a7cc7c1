#include "plugin/elf_file.hpp"
#include "plugin/library_cache.hpp"
#include "support.hpp"

#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace syncline;
using namespace syncline::test;

BOOST_AUTO_TEST_SUITE(loader)

namespace {

struct Refused {
    const char* name;
    LoadFailureKind kind;
    const char* text;
};

void check_refused(const std::filesystem::path& library, LoadFailureKind kind, const char* text) {
    const Loaded loaded({library});
    const std::vector<LoadFailure> failures = loaded.registry->failures();
    BOOST_TEST(loaded.registry->plugins().empty());
    BOOST_REQUIRE_EQUAL(failures.size(), 1U);
    BOOST_TEST(failures[0].kind == kind, failures[0].kind << ": " << failures[0].message);
    BOOST_TEST(failures[0].library == library);
    BOOST_TEST(has_text(failures[0].message, text));
    // The private copy is nothing that people know.
    BOOST_TEST(failures[0].message.find(loaded.temp.path().string()) == std::string::npos);
}

const Refused kRefused[] = {
    {"broken_no_entry", LoadFailureKind::no_entry, "exports no syncline_entry_v1"},
    {"broken_later_entry", LoadFailureKind::abi_too_new, "plugin ABI 3 only"},
    {"broken_wrong_major", LoadFailureKind::abi_too_new, "plugin ABI 9.0"},
    {"broken_old_major", LoadFailureKind::abi_too_old, "plugin ABI 0.0"},
    {"broken_too_new_minor", LoadFailureKind::abi_too_new, "needs plugin ABI 1.7 or later"},
    {"broken_short_entry", LoadFailureKind::broken, "entry has 40 bytes"},
    {"broken_null_init", LoadFailureKind::broken, "entry lacks a function"},
    {"broken_init_fails", LoadFailureKind::init_failed, "the moon is in the wrong phase"},
    {"broken_no_factory", LoadFailureKind::broken, "no factory"},
    {"broken_short_factory", LoadFailureKind::broken, "factory has 16 bytes"},
    {"broken_null_count", LoadFailureKind::broken, "factory lacks a function"},
    {"broken_absurd_count", LoadFailureKind::broken, "4294967295 plugins"},
    {"broken_null_descriptor", LoadFailureKind::broken, "descriptor 1 of 1 is NULL"},
    {"broken_short_descriptor", LoadFailureKind::broken, "has 24 bytes"},
    {"broken_bad_id", LoadFailureKind::broken, "Not An Id"},
    {"broken_null_text", LoadFailureKind::broken, "NULL as its name"},
    {"broken_duplicate_ids", LoadFailureKind::broken, "test.connector.variant twice"},
    {"broken_missing_symbol", LoadFailureKind::missing_dependency,
     "syncline_test_no_such_function"},
    {"broken_missing_dependency", LoadFailureKind::missing_dependency,
     "libsyncline_test_absent.so"},
};

} // namespace

BOOST_AUTO_TEST_CASE(each_broken_library_has_its_own_message) {
    for (const Refused& refused : kRefused) {
        BOOST_TEST_CONTEXT(refused.name) {
            check_refused(broken_plugin(refused.name), refused.kind, refused.text);
        }
    }
    // Not even constructors of what was refused by its entry.
    BOOST_TEST(std::getenv("SYNCLINE_TEST_CODE_RAN") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_broken_library_hides_no_other) {
    const Loaded loaded({SYNCLINE_BROKEN_PLUGIN_DIR});
    BOOST_TEST(loaded.registry->failures().size() == std::size(kRefused));
    BOOST_TEST(loaded.registry->find(PluginKind::connector, "test.connector.lying").ok());
    BOOST_TEST(loaded.registry->find(PluginKind::connector, "throwing").ok());
}

BOOST_AUTO_TEST_CASE(files_that_are_no_library_for_this_system) {
    const TempDir temp;
    const std::string good = read_all(broken_plugin("lying"));
    BOOST_REQUIRE(good.size() > sizeof(Elf64_Ehdr));
    const auto check = [&](const char* name, std::string content, LoadFailureKind kind,
                           const char* text) {
        BOOST_TEST_CONTEXT(name) {
            write_all(temp / name, content);
            check_refused(temp / name, kind, text);
        }
    };
    const auto patched = [&](std::size_t at, char value) {
        std::string changed = good;
        changed[at] = value;
        return changed;
    };
    constexpr auto wrong = LoadFailureKind::wrong_platform;
    check("text.so", "#!/bin/sh\necho no library\n", wrong, "not a shared library");
    check("empty.so", "", wrong, "empty");
    check("magic.so", good.substr(0, 4), wrong, "cut off");
    check("header.so", good.substr(0, 40), wrong, "cut off");
    check("half.so", good.substr(0, good.size() / 2), wrong, "cut off");
    check("bits32.so", patched(EI_CLASS, ELFCLASS32), wrong, "32-bit");
    check("big.so", patched(EI_DATA, ELFDATA2MSB), wrong, "big-endian");
    check("machine.so", patched(offsetof(Elf64_Ehdr, e_machine), 8), wrong, "built for");
    check("program.so", patched(offsetof(Elf64_Ehdr, e_type), ET_EXEC), wrong,
          "not a shared library");
    std::filesystem::create_directory(temp / "folder.so");
    const Loaded folder({temp / "folder.so"});
    BOOST_TEST(folder.registry->failures().empty()); // an empty directory of plugins
}

BOOST_AUTO_TEST_CASE(no_damage_makes_the_inspection_read_beyond_the_file) {
    const std::string good = read_all(broken_plugin("lying"));
    for (std::size_t size = 0; size < std::min<std::size_t>(good.size(), 4096); size += 7) {
        // A copy of exactly that size, so that the sanitizer sees each byte too many.
        const std::vector<char> cut(good.begin(), good.begin() + static_cast<long>(size));
        BOOST_TEST(!plugin::inspect_elf({cut.data(), cut.size()}).wrong.empty());
    }
    std::uint64_t random = 42;
    for (int round = 0; round < 2000; ++round) {
        std::vector<char> damaged(good.begin(), good.end());
        for (int change = 0; change < 8; ++change) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            // Mostly where the tables are: the first and the last bytes.
            const std::size_t reach = std::min<std::size_t>(damaged.size(), 2048);
            const std::size_t offset = (random >> 33) % reach;
            const std::size_t at = (random >> 20) % 2 == 0 ? offset : damaged.size() - 1 - offset;
            damaged[at] = static_cast<char>(random >> 40);
        }
        static_cast<void>(plugin::inspect_elf({damaged.data(), damaged.size()}));
    }
}

BOOST_AUTO_TEST_CASE(a_missing_place_is_a_failure_with_its_name) {
    const Loaded loaded({"/no/such/place", broken_plugin("lying")});
    BOOST_REQUIRE_EQUAL(loaded.registry->failures().size(), 1U);
    BOOST_TEST(loaded.registry->failures()[0].kind == LoadFailureKind::not_found);
    BOOST_TEST(loaded.registry->failures()[0].library == "/no/such/place");
    BOOST_TEST(!loaded.registry->plugins().empty());
}

BOOST_AUTO_TEST_CASE(a_throwing_constructor_is_an_error_of_making_it) {
    const Loaded loaded({broken_plugin("broken_throwing")});
    const auto made = loaded.registry->make_connector("throwing", "{}");
    BOOST_REQUIRE(!made.ok());
    BOOST_TEST(made.code() == Code::internal);
    BOOST_TEST(has_text(made.status().message(), "the constructor gave up"));
}

BOOST_AUTO_TEST_CASE(libraries_are_loaded_from_private_copies) {
    const Loaded loaded({broken_plugin("lying")});
    std::vector<std::filesystem::path> copies;
    for (const auto& entry : std::filesystem::directory_iterator(loaded.search.caches.front())) {
        if (entry.path().extension() == ".so") {
            copies.push_back(entry.path());
        }
    }
    BOOST_REQUIRE_EQUAL(copies.size(), 1U);
    BOOST_TEST(copies[0].stem().string().size() == 64U);
    struct stat about {};
    BOOST_REQUIRE(::stat(copies[0].c_str(), &about) == 0);
    BOOST_TEST((about.st_mode & 0777) == 0600);
    BOOST_REQUIRE(::stat(loaded.search.caches.front().c_str(), &about) == 0);
    BOOST_TEST((about.st_mode & 0777) == 0700);
    BOOST_TEST(has_text(read_all("/proc/self/maps"), copies[0].string()));
    BOOST_TEST(loaded.registry->plugins()[0].library == broken_plugin("lying"));
}

BOOST_AUTO_TEST_CASE(a_cache_that_cannot_be_used_gives_way_to_the_next) {
    const TempDir temp;
    write_all(temp / "file", "no directory");
    PluginSearch search;
    search.directories = {broken_plugin("lying")};
    search.caches = {temp / "file" / "cache", temp / "cache"};
    const auto registry = make_plugin_registry(system_clock());
    registry->load(search);
    BOOST_TEST(registry->failures().empty());
    BOOST_TEST(std::filesystem::is_directory(temp / "cache"));
    search.caches = {temp / "file" / "cache", temp / "file"};
    registry->load(search);
    BOOST_REQUIRE_EQUAL(registry->failures().size(), 1U);
    const LoadFailure failure = registry->failures()[0];
    BOOST_TEST((failure.kind == LoadFailureKind::cache_refused));
    for (const char* place : {"/file/cache", "/file is not a directory"}) {
        BOOST_TEST(has_text(failure.message, place));
    }
}

BOOST_AUTO_TEST_CASE(a_damaged_copy_is_replaced_and_a_good_one_reused) {
    const TempDir temp;
    BOOST_REQUIRE(plugin::prepare_cache(temp / "cache").ok());
    const auto first = plugin::cache_library(temp / "cache", broken_plugin("lying"));
    BOOST_REQUIRE(first.ok());
    const auto inode = [&] {
        struct stat about {};
        BOOST_REQUIRE(::stat(first->path.c_str(), &about) == 0);
        return about.st_ino;
    };
    const auto before = inode();
    BOOST_REQUIRE(plugin::cache_library(temp / "cache", broken_plugin("lying")).ok());
    BOOST_TEST(inode() == before);
    write_all(temp / "damaged", "damaged");
    std::filesystem::permissions(temp / "damaged", std::filesystem::perms::owner_all);
    std::filesystem::rename(temp / "damaged", first->path);
    const auto again = plugin::cache_library(temp / "cache", broken_plugin("lying"));
    BOOST_REQUIRE(again.ok());
    BOOST_TEST((again->content.bytes() == read_all(broken_plugin("lying"))));
    ::chmod(first->path.c_str(), 0666);
    const auto kept = inode();
    BOOST_REQUIRE(plugin::cache_library(temp / "cache", broken_plugin("lying")).ok());
    BOOST_TEST(inode() != kept);
}

BOOST_AUTO_TEST_CASE(a_record_never_hides_a_change_of_the_installed_file) {
    const TempDir temp;
    BOOST_REQUIRE(plugin::prepare_cache(temp / "cache").ok());
    const auto file = temp / "file";
    const auto digest = [&] {
        const auto copy = plugin::cache_library(temp / "cache", file);
        BOOST_REQUIRE(copy.ok());
        BOOST_TEST((copy->content.bytes() == read_all(file)));
        return copy->digest;
    };
    const auto records = [&] {
        int count = 0;
        for (const auto& entry : std::filesystem::directory_iterator(temp / "cache")) {
            count += entry.path().filename().string().starts_with("seen-") ? 1 : 0;
        }
        return count;
    };
    // Written just now: the same size and perhaps the same time, so nothing is recorded.
    for (const char* content : {"one", "two", "six"}) {
        write_all(file, content);
        digest();
    }
    BOOST_TEST(records() == 0);
    // Older files are recorded, each for itself.
    const auto lying = plugin::cache_library(temp / "cache", broken_plugin("lying"));
    BOOST_REQUIRE(lying.ok());
    const auto again = plugin::cache_library(temp / "cache", broken_plugin("lying"));
    BOOST_REQUIRE(again.ok());
    BOOST_TEST(again->digest == lying->digest);
    const auto other = plugin::cache_library(temp / "cache", broken_plugin("lying_2"));
    BOOST_REQUIRE(other.ok());
    BOOST_TEST(other->digest != lying->digest);
}

BOOST_AUTO_TEST_CASE(a_cache_that_others_can_reach_is_refused) {
    const TempDir temp;
    const auto refused = [&](const std::filesystem::path& cache, const char* text) {
        const auto registry = make_plugin_registry(system_clock());
        registry->load({{broken_plugin("lying")}, {cache}});
        BOOST_TEST(registry->plugins().empty());
        BOOST_REQUIRE_EQUAL(registry->failures().size(), 1U);
        BOOST_TEST(registry->failures()[0].kind == LoadFailureKind::cache_refused);
        BOOST_TEST(has_text(registry->failures()[0].message, text));
    };
    std::filesystem::create_directory(temp / "open");
    ::chmod((temp / "open").c_str(), 0770);
    refused(temp / "open", "open to other users");
    write_all(temp / "file", "");
    refused(temp / "file", "not a directory");
    std::filesystem::create_directory(temp / "real");
    ::chmod((temp / "real").c_str(), 0700);
    std::filesystem::create_directory_symlink(temp / "real", temp / "link");
    refused(temp / "link", "not a directory");
    refused({}, "no directory");
    if (::geteuid() == 0) {
        std::filesystem::create_directory(temp / "theirs");
        ::chmod((temp / "theirs").c_str(), 0700);
        BOOST_REQUIRE(::chown((temp / "theirs").c_str(), 65534, 65534) == 0);
        refused(temp / "theirs", "another user");
    }
}

BOOST_AUTO_TEST_SUITE_END()
