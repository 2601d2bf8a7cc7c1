// The exec strategy as the host loads it, with small shell scripts as merge programs.
#include "fakes/temporary_directory.hpp"
#include "syncline/core/clock.hpp"
#include "syncline/plugin/plugin_registry.hpp"

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace syncline;
using namespace syncline::fakes;
namespace fs = std::filesystem;

namespace {

class Text : public Content {
public:
    explicit Text(std::string text) : text_(std::move(text)) {}
    std::uint64_t size() const override { return text_.size(); }
    Result<std::size_t> read_at(const CallContext&, std::uint64_t offset, char* buffer,
                                std::size_t capacity) override {
        return offset < text_.size() ? text_.copy(buffer, capacity, offset) : 0;
    }

private:
    std::string text_;
};

class Exec {
public:
    Exec() {
        fs::create_directory(directory.path() / "cache");
        fs::permissions(directory.path() / "cache", fs::perms::owner_all);
        fs::create_directory(scratch());
        BOOST_REQUIRE(::setenv("TMPDIR", scratch().c_str(), 1) == 0);
        PluginSearch search;
        search.directories = {fs::path(SYNCLINE_PLUGIN_DIR) / "exec.so"};
        search.caches = {directory.path() / "cache"};
        registry->load(search);
    }
    ~Exec() { ::unsetenv("TMPDIR"); }

    fs::path scratch() const { return directory.path() / "tmp"; }

    Result<std::unique_ptr<ConflictStrategy>> make(const nlohmann::json& config) {
        return registry->make_strategy("exec", config.dump());
    }

    // What the program decides about a base, a source and a target that differ.
    Decision decide(nlohmann::json config, const std::string& script,
                    const CallContext& call = {}) {
        config["program"] = "/bin/sh";
        config["arg"] = {"-c", script, "sh", "{base}", "{source}", "{target}", "{output}"};
        auto strategy = make(config);
        BOOST_REQUIRE_MESSAGE(strategy.ok(), strategy.status().message());
        Text base("base\n");
        Text source("source\n");
        Text target("target\n");
        Item item;
        item.version = "1";
        Conflict conflict;
        conflict.kind = ConflictKind::both_changed;
        conflict.key = "docs/a.md";
        conflict.base = conflict.source = conflict.target = &item;
        conflict.base_content = &base;
        conflict.source_content = &source;
        conflict.target_content = &target;
        conflict.source_label = "/left";
        conflict.target_label = "/right";
        Result<Decision> decision = (*strategy)->decide(call, conflict);
        status = decision.status();
        BOOST_TEST(fs::is_empty(scratch())); // whatever happened
        return decision.ok() ? *std::move(decision) : Decision();
    }

    TemporaryDirectory directory;
    std::unique_ptr<PluginRegistry> registry = make_plugin_registry(system_clock());
    Status status;
};

const nlohmann::json kPlain = nlohmann::json::object();

} // namespace

BOOST_AUTO_TEST_SUITE(exec)

BOOST_AUTO_TEST_CASE(the_exit_code_says_what_the_program_found) {
    Exec exec;
    const Decision merged = exec.decide(kPlain, "cat \"$1\" \"$2\" \"$3\" > \"$4\"");
    BOOST_TEST((merged.action == DecisionAction::merge), merged.reason);
    BOOST_TEST(merged.merged == "base\nsource\ntarget\n");
    BOOST_TEST((exec.decide(kPlain, "exit 1").action == DecisionAction::decline));
    const Decision failed = exec.decide(kPlain, "echo no idea >&2; exit 3");
    BOOST_TEST((failed.action == DecisionAction::defer));
    BOOST_TEST(failed.reason.find("exit code 3: no idea") != std::string::npos, failed.reason);
    BOOST_TEST((exec.decide(kPlain, "exit 0").action == DecisionAction::defer)); // and no result
    BOOST_TEST((exec.decide(kPlain, "kill -9 $$").action == DecisionAction::defer));
    BOOST_TEST((exec.decide(kPlain, "ln -s \"$1\" \"$4\"").action == DecisionAction::defer));
}

BOOST_AUTO_TEST_CASE(the_result_may_come_from_elsewhere) {
    Exec exec;
    BOOST_TEST(exec.decide({{"result", "stdout"}}, "cat \"$3\" \"$1\"").merged == "target\nbase\n");
    BOOST_TEST(exec.decide({{"result", "source"}}, "echo more >> \"$2\"").merged ==
               "source\nmore\n");
}

BOOST_AUTO_TEST_CASE(the_program_sees_a_small_environment_and_a_private_directory) {
    Exec exec;
    BOOST_REQUIRE(::setenv("SYNCLINE_TEST_SECRET", "hush", 1) == 0);
    const std::string seen =
        exec.decide({{"result", "stdout"}},
                    "stat -c %a . \"$1\"; pwd; echo \"$TMPDIR\"; echo \"${1##*/}\"; env")
            .merged;
    ::unsetenv("SYNCLINE_TEST_SECRET");
    BOOST_TEST(seen.starts_with("700\n600\n" + exec.scratch().native() + "/"), seen);
    BOOST_TEST(seen.find("\nbase.md\n") != std::string::npos, seen);
    BOOST_TEST(seen.find("SYNCLINE_KEY=docs/a.md\n") != std::string::npos, seen);
    BOOST_TEST(seen.find("SYNCLINE_SOURCE=/left\n") != std::string::npos, seen);
    BOOST_TEST(seen.find("hush") == std::string::npos, seen);
}

// The script starts a child that would go on for long, and says its number.
BOOST_AUTO_TEST_CASE(a_program_that_takes_too_long_is_killed_with_all_it_started) {
    Exec exec;
    const fs::path told = exec.directory.path() / "child";
    const std::string script = "sleep 1000 & echo $! > '" + told.native() + "'; wait";
    const Decision late = exec.decide({{"timeout_ms", 2000}}, script);
    BOOST_TEST((late.action == DecisionAction::defer));
    BOOST_TEST(late.reason.find("longer than 2000 ms") != std::string::npos, late.reason);
    pid_t child = 0;
    std::ifstream(told) >> child;
    BOOST_REQUIRE(child > 0);
    // It was killed, if not yet dead: it ends by itself a thousand seconds from now, not before.
    const int process = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
    if (process < 0) {
        BOOST_TEST(errno == ESRCH);
        return;
    }
    pollfd ended{process, POLLIN, 0};
    BOOST_TEST(::poll(&ended, 1, 100'000) == 1);
    ::close(process);
}

BOOST_AUTO_TEST_CASE(cancelling_the_run_ends_the_program) {
    Exec exec;
    std::stop_source stop;
    stop.request_stop();
    CallContext call;
    call.stop = stop.get_token();
    exec.decide(kPlain, "sleep 1000", call);
    BOOST_TEST((exec.status.code() == Code::cancelled), exec.status.message());
}

BOOST_AUTO_TEST_CASE(a_program_that_cannot_be_started_is_named) {
    Exec exec;
    auto strategy = exec.make({{"program", "/no/such/program"}});
    BOOST_REQUIRE(strategy.ok());
    Text text("x");
    Item item;
    item.version = "1";
    Conflict conflict;
    conflict.kind = ConflictKind::both_changed;
    conflict.key = "a";
    conflict.source = conflict.target = &item;
    conflict.base_content = conflict.source_content = conflict.target_content = &text;
    const Result<Decision> decision = (*strategy)->decide({}, conflict);
    BOOST_REQUIRE(!decision.ok());
    BOOST_TEST(decision.status().message().find("/no/such/program") != std::string::npos,
               decision.status().message());
}

BOOST_AUTO_TEST_CASE(the_host_learns_how_large_a_base_is_of_use) {
    Exec exec;
    const auto strategy = exec.make({{"program", "merge"}, {"max_size", 12}});
    BOOST_REQUIRE_MESSAGE(strategy.ok(), strategy.status().message());
    BOOST_TEST((*strategy)->base_content_limit() == 12U);
}

BOOST_AUTO_TEST_CASE(bad_settings_are_refused) {
    Exec exec;
    for (const nlohmann::json& config :
         {nlohmann::json::object(), nlohmann::json{{"program", "./merge"}},
          nlohmann::json{{"program", ""}}, nlohmann::json{{"program", "m"}, {"timeout_ms", 0}},
          nlohmann::json{{"program", "m"}, {"result", "elsewhere"}},
          nlohmann::json{{"program", "m"}, {"shell", true}}}) {
        BOOST_TEST(!exec.make(config).ok(), config);
    }
}

BOOST_AUTO_TEST_SUITE_END()
