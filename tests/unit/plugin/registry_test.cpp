#include "support.hpp"
#include "syncline/core/hash.hpp"

using namespace syncline;
using namespace syncline::test;

BOOST_AUTO_TEST_SUITE(registry)

namespace {

std::string scope(Connector& connector) {
    const auto info = connector.info({});
    BOOST_REQUIRE(info.ok());
    return info->scope_id;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_replaced_file_is_taken_up_and_the_old_instance_goes_on) {
    const TempDir temp;
    std::filesystem::create_directory(temp / "plugins");
    const std::filesystem::path file = temp / "plugins" / "lying.so";
    std::filesystem::copy_file(broken_plugin("lying"), file);
    Loaded loaded({temp / "plugins"});
    auto old = loaded.registry->make_connector("test.connector.lying", mode("good"));
    BOOST_REQUIRE(old.ok());
    BOOST_TEST(scope(**old) == "1.0.0");

    std::filesystem::copy_file(broken_plugin("lying_2"), temp / "new");
    std::filesystem::rename(temp / "new", file);
    loaded.registry->load(loaded.search);
    BOOST_TEST(loaded.registry->find(PluginKind::connector, "lying")->version == "2.0.0");
    auto fresh = loaded.registry->make_connector("test.connector.lying", mode("good"));
    BOOST_REQUIRE(fresh.ok());
    BOOST_TEST(scope(**fresh) == "2.0.0");
    BOOST_TEST(scope(**old) == "1.0.0");

    std::filesystem::remove(file);
    loaded.registry->load(loaded.search);
    BOOST_TEST(loaded.registry->plugins().empty());
    BOOST_TEST(scope(**fresh) == "2.0.0");

    // Back again: what is mapped already is initialised anew.
    old = Status(Code::unknown, "gone");
    std::filesystem::copy_file(broken_plugin("lying"), file);
    loaded.registry->load(loaded.search);
    old = loaded.registry->make_connector("test.connector.lying", mode("good"));
    BOOST_REQUIRE(old.ok());
    BOOST_TEST(scope(**old) == "1.0.0");
}

BOOST_AUTO_TEST_CASE(an_instance_outlives_the_registry) {
    std::unique_ptr<Connector> connector;
    {
        Lying lying;
        connector = lying.connector("good");
    }
    BOOST_TEST(scope(*connector) == "1.0.0");
}

BOOST_AUTO_TEST_CASE(the_first_directory_wins_and_in_one_the_highest_version) {
    const TempDir temp;
    std::filesystem::create_directories(temp / "both");
    std::filesystem::create_directories(temp / "first");
    std::filesystem::copy_file(broken_plugin("lying"), temp / "both" / "a.so");
    std::filesystem::copy_file(broken_plugin("lying_2"), temp / "both" / "b.so");
    std::filesystem::copy_file(broken_plugin("lying"), temp / "first" / "z.so");
    const Loaded highest({temp / "both"});
    BOOST_TEST(highest.registry->find(PluginKind::connector, "lying")->version == "2.0.0");
    const Loaded first({temp / "first", temp / "both"});
    BOOST_TEST(first.registry->find(PluginKind::connector, "lying")->version == "1.0.0");
    BOOST_TEST(first.registry->failures().empty());
}

BOOST_AUTO_TEST_CASE(plugins_are_described_and_found) {
    const Lying lying;
    const auto all = lying.registry->plugins();
    BOOST_REQUIRE_EQUAL(all.size(), 3U); // the one of an unknown kind is left out
    BOOST_TEST(all[0].id == "test.connector.lying");
    BOOST_TEST(all[1].id == "other.strategy.lying");
    BOOST_TEST(all[2].id == "test.strategy.lying");
    BOOST_TEST(all[0].sdk == "test 1.0");
    BOOST_TEST(all[0].abi_major == 1U);
    BOOST_TEST(all[0].schemes.size() == 2U);
    BOOST_TEST(all[0].library == broken_plugin("lying"));

    BOOST_TEST(lying.registry->find(PluginKind::connector, "lying")->id == "test.connector.lying");
    const auto ambiguous = lying.registry->find(PluginKind::strategy, "lying");
    BOOST_TEST(ambiguous.code() == Code::invalid_argument);
    BOOST_TEST(has_text(ambiguous.status().message(), "other.strategy.lying, test.strategy.lying"));
    const auto slip = lying.registry->find(PluginKind::connector, "lyign");
    BOOST_TEST(slip.code() == Code::not_found);
    BOOST_TEST(has_text(slip.status().message(), "did you mean 'lying'?"));
    const auto kind = lying.registry->find(PluginKind::strategy, "test.connector.lying");
    BOOST_TEST(has_text(kind.status().message(), "is a connector, not a strategy"));
    BOOST_TEST(has_text(lying.registry->find(PluginKind::scheduler, "x").status().message(),
                        "there are no schedulers"));
}

BOOST_AUTO_TEST_CASE(the_longest_scheme_that_fits_wins) {
    const Lying lying;
    BOOST_TEST(lying.registry->find_scheme("lying").ok());
    BOOST_TEST(lying.registry->find_scheme("lying+deep").ok());
    BOOST_TEST(lying.registry->find_scheme("lying+other").ok());
    BOOST_TEST(!lying.registry->find_scheme("lyingdeep").ok());
    const auto slip = lying.registry->find_scheme("lyin");
    BOOST_TEST(has_text(slip.status().message(), "did you mean lying://?"));
}

BOOST_AUTO_TEST_CASE(bundles) {
    const TempDir temp;
    std::filesystem::create_directories(temp / "plugins" / "shelf");
    const std::filesystem::path manifest = temp / "plugins" / "shelf" / "plugin.json";
    std::filesystem::copy_file(broken_plugin("lying"), temp / "plugins" / "shelf" / "lying.so");
    const std::string digest = to_hex(sha256(read_all(broken_plugin("lying"))));
    const auto files = [](const std::string& hex) {
        return R"("files":{"lying.so":")" + hex + R"(","readme":"x"})";
    };
    const auto load = [&](const std::string& text) {
        write_all(manifest, text);
        return Loaded({temp / "plugins"}).registry;
    };
    const auto refused = [&](const std::string& text, LoadFailureKind kind, const char* message) {
        BOOST_TEST_CONTEXT(text) {
            const auto registry = load(text);
            BOOST_TEST(registry->plugins().empty());
            BOOST_REQUIRE_EQUAL(registry->failures().size(), 1U);
            BOOST_TEST(registry->failures()[0].kind == kind);
            BOOST_TEST(has_text(registry->failures()[0].message, message));
        }
    };
    const std::string version = R"({"manifest_version":1,)";
    BOOST_TEST(
        load(version + R"("abi":{"major":1,"min_host_minor":0},"unknown":1,)" + files(digest) + "}")
            ->plugins()
            .size() == 3U);
    refused(version + files(std::string(64, '0')) + "}", LoadFailureKind::digest_differs,
            digest.c_str());
    refused(R"({"manifest_version":2,)" + files(digest) + "}", LoadFailureKind::abi_too_new,
            "manifest_version 2");
    refused(version + R"("abi":{"major":2},)" + files(digest) + "}", LoadFailureKind::abi_too_new,
            "plugin ABI 2.0");
    refused(version + R"("abi":{"major":1,"min_host_minor":9},)" + files(digest) + "}",
            LoadFailureKind::abi_too_new, "1.9");
    refused(version + R"("platform":"amiga",)" + files(digest) + "}",
            LoadFailureKind::wrong_platform, "amiga");
    refused("[", LoadFailureKind::broken, "not a JSON object");
    refused("{}", LoadFailureKind::broken, "manifest_version");
    refused(version + R"("files":{"../lying.so":")" + digest + "\"}}", LoadFailureKind::broken,
            "without a directory");
    refused(version + R"("files":{}})", LoadFailureKind::broken, "names no library");
    refused(version + R"("files":{"gone.so":")" + digest + "\"}}", LoadFailureKind::not_found,
            "gone.so");
}

BOOST_AUTO_TEST_CASE(search_path) {
    ::setenv("SYNCLINE_PLUGIN_PATH", "/one:relative::/two", 1);
    const auto directories = plugin_directories({"/zero", "here"}, true);
    ::unsetenv("SYNCLINE_PLUGIN_PATH");
    BOOST_REQUIRE_EQUAL(directories.size(), 4U);
    BOOST_TEST(directories[0] == "/zero");
    BOOST_TEST(directories[1] == std::filesystem::current_path() / "here");
    BOOST_TEST(directories[2] == "/one");
    BOOST_TEST(directories[3] == "/two");
}

BOOST_AUTO_TEST_CASE(a_plugin_that_refuses_its_configuration_names_the_place) {
    Lying lying;
    const auto made = lying.try_connector("configure_fails");
    BOOST_TEST(made.code() == Code::invalid_config);
    BOOST_TEST(made.status().message() == "mode is not a mode");
    BOOST_TEST(made.status().detail("path") == "/mode");
}

BOOST_AUTO_TEST_CASE(interfaces_that_break_the_rules_are_refused_at_once) {
    Lying lying;
    const std::pair<const char*, const char*> cases[] = {
        {"iface_none", "does not offer syncline.connector/1"},
        {"iface_hole", "syncline.connector/1 without the function stat"},
        {"iface_short", "of 16 bytes"},
        {"rename_hole", "syncline.connector.rename/1 without the function rename"}};
    for (const auto& [how, text] : cases) {
        BOOST_TEST_CONTEXT(how) {
            const auto made = lying.try_connector(how);
            BOOST_TEST(made.code() == Code::internal);
            BOOST_TEST(has_text(made.status().message(), text));
        }
    }
    BOOST_TEST(!lying.registry->make_strategy("test.strategy.lying", mode("iface_none")).ok());
    BOOST_TEST(!lying.registry->make_strategy("test.connector.lying", "{}").ok());
}

BOOST_AUTO_TEST_SUITE_END()
