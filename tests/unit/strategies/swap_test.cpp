// A strategy library is replaced on disk: the next run of the same process asks the new one.
#include "fakes/temporary_directory.hpp"
#include "syncline/orchestrate/exit_code.hpp"
#include "syncline/orchestrate/sync_run.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>

using namespace syncline;
using namespace syncline::fakes;
namespace fs = std::filesystem;

namespace {

class Process {
public:
    Process() {
        for (const char* name : {"a", "b", "plugins", "cache"}) {
            fs::create_directory(path(name));
        }
        fs::permissions(path("cache"), fs::perms::owner_all);
        install("swap-1.so");
        BOOST_REQUIRE(pool->start().ok());
        PluginSearch search;
        search.directories = {path("plugins"), fs::path(SYNCLINE_PLUGIN_DIR) / "filesystem.so"};
        search.caches = {path("cache")};
        registry->load(search);
    }

    fs::path path(const std::string& name) const { return directory.path() / name; }

    // As a package manager does: written beside, then renamed over the old one.
    void install(const char* library) const {
        const fs::path fresh = path("plugins/.fresh");
        fs::copy_file(fs::path(SYNCLINE_SWAP_DIR) / library, fresh);
        fs::rename(fresh, path("plugins/swap.so"));
    }

    void write(const std::string& name, const std::string& text) const {
        std::ofstream(path(name), std::ios::binary) << text;
    }
    std::string read(const std::string& name) const {
        std::ifstream file(path(name), std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    void run() {
        SyncSpec spec;
        spec.source = path("a").native();
        spec.target = path("b").native();
        spec.strategies = {"swap"};
        spec.state_directory = path("state");
        RunProgress progress;
        const SyncReport report =
            run_sync({*registry, *pool, progress, system_clock()}, spec, RunControl());
        BOOST_REQUIRE_MESSAGE(report.error.ok(), report.error.message());
        BOOST_TEST(exit_code_of(report) == 0);
    }

    TemporaryDirectory directory;
    std::unique_ptr<PluginRegistry> registry = make_plugin_registry(system_clock());
    std::unique_ptr<WorkerPool> pool =
        make_worker_pool({.workers = 2, .capacity = 6}, system_clock());
};

} // namespace

BOOST_AUTO_TEST_SUITE(swapping)

BOOST_AUTO_TEST_CASE(a_replaced_strategy_decides_the_next_run_of_the_same_process) {
    Process process;
    process.write("a/f", "source 1");
    process.write("b/f", "target 1, longer");
    process.run();
    BOOST_TEST(process.read("b/f") == "source 1");

    process.install("swap-2.so");
    process.write("a/f", "source 2");
    process.write("b/f", "target 2, longer");
    process.run();
    BOOST_TEST(process.read("a/f") == "target 2, longer");
    BOOST_TEST(process.registry->find(PluginKind::strategy, "swap")->version == "2.0.0");
}

BOOST_AUTO_TEST_CASE(a_strategy_replaced_by_garbage_stays_in_use) {
    Process process;
    process.write("plugins/.fresh", "no library at all");
    fs::rename(process.path("plugins/.fresh"), process.path("plugins/swap.so"));
    process.write("a/f", "source");
    process.write("b/f", "target, longer");
    process.run();
    BOOST_TEST(process.read("b/f") == "source");
    BOOST_TEST(process.registry->failures().size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
