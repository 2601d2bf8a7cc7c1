// Random worlds: two directories on disk, real plugins, the whole engine; a person edits both sides
// between runs and sometimes during them, calls fail, runs are cut off. After each run a small
// model of the rules says what should be there (model.hpp), and the properties that hold for every
// run are checked. A failure prints how to see the same world again.
//
//     worlds [--seed N] [--worlds N] [--first N] [--plugins DIR] [--verbose]
#include "contents.hpp"
#include "merge.hpp"
#include "model.hpp"
#include "syncline/core/clock.hpp"
#include "syncline/core/failpoint.hpp"
#include "syncline/core/log.hpp"
#include "syncline/orchestrate/strategy_spec.hpp"
#include "syncline/orchestrate/sync_run.hpp"
#include "syncline/plugin/plugin_registry.hpp"
#include "tree.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using namespace worlds;
namespace fs = std::filesystem;
using syncline::DeletedContainer;
using syncline::DeleteVsChange;
using syncline::Mode;

struct Options {
    std::uint64_t seed = 20'260'301;
    std::uint64_t worlds = 1'000;
    std::uint64_t first = 0;
    std::string plugins = SYNCLINE_PLUGIN_DIR;
    bool verbose = false;
};

// Few names, so that kinds collide and keys interleave, and those that break programs.
std::vector<std::string> names() {
    return {"a",
            "a!",
            "a-b",
            "a0",
            "b",
            "x.txt",
            "-dash",
            "new\nline",
            "caf\xc3\xa9",
            "cafe\xcc\x81",
            "A",
            "\xff\xfe-bytes",
            std::string(255, 'n'),
            "sp ace",
            "tail."};
}

// At one of the engine's failpoints while a run is under way.
std::function<void()> at_failpoint;
std::atomic<int> failpoints_left{0};

void on_failpoint(std::string_view name) {
    if (name.starts_with("execute.") && failpoints_left.fetch_sub(1) == 1) {
        at_failpoint();
    }
}

class Problem : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class World {
public:
    // What a world was good for.
    struct Tally {
        std::uint64_t rounds = 0;
        std::uint64_t predicted = 0;
        std::uint64_t merged = 0;
        std::map<std::string, std::uint64_t> not_predicted;
    };

    World(const Options& options, std::uint64_t number, syncline::PluginRegistry& plugins,
          syncline::WorkerPool& pool, const fs::path& scratch)
        : random_(options.seed * 1'000'003 + number), plugins_(plugins), pool_(pool),
          folder_(scratch / std::to_string(number)), verbose_(options.verbose) {
        for (const char* side : {"source", "target"}) {
            fs::create_directories(folder_ / side);
        }
        rules_.mode = pick<Mode>({Mode::two_way, Mode::two_way, Mode::two_way, Mode::two_way,
                                  Mode::one_way, Mode::mirror});
        rules_.delete_vs_change = pick<DeleteVsChange>(
            {DeleteVsChange::keep_change, DeleteVsChange::keep_change, DeleteVsChange::keep_change,
             DeleteVsChange::conflict, DeleteVsChange::delete_wins});
        rules_.deleted_container =
            pick<DeletedContainer>({DeletedContainer::restore_all, DeletedContainer::restore_all,
                                    DeletedContainer::restore_changed, DeletedContainer::conflict});
        rules_.chains = {
            {"",
             {pick(std::vector<std::string>{"manual", "manual", "keep-both", "keep-both",
                                            "source-wins", "target-wins", "newer-wins",
                                            "older-wins", "larger-wins", "smaller-wins"})}}};
        // From numbers of their own, so that one world in three stays what it was before there were
        // chains.
        std::mt19937_64 of_chains(options.seed * 7'919 + number);
        if (of_chains() % 3 != 0) {
            draw_chains(of_chains, scratch / "merge-program");
        }
        bool texts = false;
        bool documents = false;
        for (const Chain& chain : rules_.chains) {
            for (const std::string& strategy : chain.strategies) {
                merges_ |= is_merging(strategy);
                texts |= name_of_strategy(strategy) == "merge-text";
                documents |= name_of_strategy(strategy) == "merge-json";
            }
        }
        taste_ = texts == documents ? Taste::mixed : (texts ? Taste::texts : Taste::documents);
        if (merges_ && rules_.mode == Mode::mirror && of_chains() % 4 != 0) {
            rules_.mode = Mode::two_way; // a mirror asks no strategy
        }
        note() << "mode " << name_of(rules_.mode) << ", strategies " << chains_as_written()
               << ", delete_vs_change " << static_cast<int>(rules_.delete_vs_change)
               << ", deleted_container " << static_cast<int>(rules_.deleted_container);
    }
    ~World() {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    void live() {
        const int rounds = 2 + below(3);
        for (int round = 0; round < rounds && !is_over_; ++round) {
            note() << "round " << round;
            edit_both(round);
            one_round();
        }
    }

    const Tally& tally() const { return tally_; }

    std::string story() const {
        std::string text;
        for (const std::string& line : story_) {
            text += "    " + line + "\n";
        }
        return text + "    the last plan: " + (planned_.empty() ? "nothing" : planned_) + "\n";
    }

private:
    int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
    template <typename Value>
    Value pick(const std::vector<Value>& from) {
        return from[random_() % from.size()];
    }

    static std::vector<std::string> draw_chain(std::mt19937_64& random, const fs::path& program) {
        const std::vector<std::string> merging = {
#ifdef SYNCLINE_HAS_MERGE_TEXT
            "merge-text",
            "merge-text",
            "merge-text?overlap=source",
            "merge-text?overlap=target",
            "merge-text?overlap=both",
            "merge-text?overlap=markers",
#endif
            "merge-json",
            "merge-json",
            "exec?program=" + program.string()};
        const std::vector<std::string> choosing = {"manual",      "keep-both",   "keep-both",
                                                   "source-wins", "target-wins", "newer-wins",
                                                   "older-wins",  "larger-wins", "smaller-wins"};
        const auto one_of = [&](const std::vector<std::string>& from) {
            return from[random() % from.size()];
        };
        std::vector<std::string> chain = {one_of(random() % 4 == 0 ? choosing : merging)};
        while (chain.size() < 3 && random() % 2 == 0) {
            chain.push_back(one_of(random() % 3 == 0 ? merging : choosing));
        }
        return chain;
    }

    void draw_chains(std::mt19937_64& random, const fs::path& program) {
        rules_.chains = {{"", draw_chain(random, program)}};
        if (random() % 3 != 0) {
            return;
        }
        static const std::vector<std::string> kPatterns = {
            "a*",     "/a",      "a/",  "/b/", "b", "*.txt", "?",
            "**/a-b", "/a/**/b", "A/*", "sp*", "*", "/*"};
        for (std::size_t left = 1 + random() % 3; left > 0; --left) {
            // The one without a pattern may stand anywhere.
            const std::size_t at = random() % (rules_.chains.size() + 1);
            rules_.chains.insert(
                rules_.chains.begin() + static_cast<std::ptrdiff_t>(at),
                {kPatterns[random() % kPatterns.size()], draw_chain(random, program)});
        }
    }

    static std::string as_written(const Chain& chain) {
        std::string text = chain.pattern + (chain.pattern.empty() ? "" : ":");
        for (const std::string& strategy : chain.strategies) {
            text += (&strategy == chain.strategies.data() ? "" : ",") + strategy;
        }
        return text;
    }
    std::string chains_as_written() const {
        std::string text;
        for (const Chain& chain : rules_.chains) {
            text += (text.empty() ? "" : " ") + as_written(chain);
        }
        return text;
    }

    struct Line : std::ostringstream {
        explicit Line(World& world) : world_(world) {}
        Line(const Line&) = delete;
        Line& operator=(const Line&) = delete;
        ~Line() override {
            world_.story_.push_back(str());
            if (world_.verbose_) {
                std::cout << "    " << str() << std::endl;
            }
        }
        World& world_;
    };
    Line note() { return Line(*this); }

    std::string root(bool source) const { return (folder_ / (source ? "source" : "target")); }
    Tree tree(bool source) const { return read_tree(root(source)); }

    std::string any_path(bool source) {
        const Tree there = tree(source);
        if (!there.empty() && below(3) != 0) { // what is there is more interesting
            auto at = there.begin();
            std::advance(at, below(static_cast<int>(there.size())));
            return at->first;
        }
        static const std::vector<std::string> kNames = names();
        std::string path = pick(kNames);
        for (int depth = below(3); depth > 0; --depth) {
            path = pick(kNames) + "/" + path;
        }
        return path;
    }

    void edit(bool source) {
        const std::string path = any_path(source);
        const std::string side = root(source);
        clock_ns_ += 1'000'000'000;
        // Some contents are alike, so that both sides make the same; most are seen once.
        const std::string content = merges_         ? mergeable_content(side, path)
                                    : below(3) == 0 ? "common " + std::to_string(below(3))
                                                    : "content " + std::to_string(++made_) +
                                                          std::string(random_() % 50, '.');
        const char* what = "";
        switch (below(12)) {
        case 0:
            what = "link";
            write_link(side, path, content, clock_ns_);
            break;
        case 1:
            what = "directory";
            make_directory(side, path);
            break;
        case 2:
            what = "touch";
            touch(side, path, clock_ns_);
            break;
        case 3:
        case 4:
        case 5:
            what = "delete";
            remove(side, path);
            break;
        case 6: {
            const std::string to = any_path(source);
            if (merges_ && below(4) != 0) {
                return; // renames leave much open
            }
            if (worlds::rename(side, path, to)) {
                renamed_[source ? 0 : 1] = true;
                note() << (source ? "source" : "target") << ": rename '" << show(path) << "' to '"
                       << show(to) << "'";
            }
            return;
        }
        default:
            what = "write";
            write_file(side, path, content, clock_ns_);
        }
        note() << (source ? "source" : "target") << ": " << what << " '" << show(path) << "' '"
               << show(content) << "'";
    }

    std::string mergeable_content(const std::string& side, const std::string& path) {
        const Tree there = read_tree(side);
        const auto found = there.find(path);
        return found == there.end() || found->second.kind != Kind::file || below(5) == 0
                   ? draw_content(random_, made_, taste_)
                   : edited_content(random_, made_, taste_, found->second.data);
    }

    void write(bool source, const std::string& path, const std::string& content) {
        clock_ns_ += 1'000'000'000;
        write_file(root(source), path, content, clock_ns_);
        note() << (source ? "source" : "target") << ": write '" << show(path) << "' '"
               << show(content) << "'";
    }

    // By chance it would be rare that both sides change a file that both have.
    void edit_some_on_both() {
        const Tree trees[2] = {tree(true), tree(false)};
        std::vector<std::string> paths;
        for (const auto& [path, node] : trees[0]) {
            const auto other = trees[1].find(path);
            if (node.kind == Kind::file && other != trees[1].end() &&
                other->second.kind == Kind::file) {
                paths.push_back(path);
            }
        }
        std::shuffle(paths.begin(), paths.end(), random_);
        paths.resize(std::min<std::size_t>(paths.size(), static_cast<std::size_t>(below(5))));
        for (const std::string& path : paths) {
            edited_target_ = true;
            const bool source_first = below(2) == 0; // the other is the newer one then
            for (const bool source : {source_first, !source_first}) {
                const std::string& content = trees[source ? 0 : 1].at(path).data;
                write(source, path, edited_content(random_, made_, taste_, content));
            }
        }
    }

    void edit_both(int round) {
        const bool one_side_only = round == 0 && below(3) != 0;
        renamed_[0] = renamed_[1] = false;
        const int fewer = merges_ ? 2 : 1; // there are others below
        for (int left = below((round == 0 ? 14 : 8) / fewer); left > 0; --left) {
            edit(true);
        }
        edited_target_ = false;
        for (int left = one_side_only ? 0 : below((round == 0 ? 10 : 6) / fewer); left > 0;
             --left) {
            edited_target_ = true;
            edit(false);
        }
        if (merges_ && round > 0) {
            edit_some_on_both();
        }
        for (int left = merges_ ? below(round == 0 ? 5 : 2) : 0; left > 0; --left) {
            write(true, any_path(true), draw_content(random_, made_, taste_));
        }
    }

    std::string fault_query() {
        std::string query = "?probability=" + pick<std::string>({"0.05", "0.2", "0.5"}) +
                            "&seed=" + std::to_string(random_() % 1'000'000);
        for (const char* op : {"list", "stat", "get", "put", "remove", "set_meta", "flush"}) {
            query += below(2) == 0 ? std::string("&op=") + op : "";
        }
        query += "&op=put"; // at least one, else every call is struck
        return query + "&status=" +
               pick<std::string>({"io", "unavailable", "outcome_unknown", "permission_denied",
                                  "quota_exceeded", "conflict", "locked", "timeout"}) +
               (below(4) == 0 ? "&lost_ack" : "");
    }

    syncline::SyncReport run(bool faulty = false, std::stop_token drain = {}) {
        syncline::SyncSpec spec;
        for (const bool source : {true, false}) {
            std::string& side = source ? spec.source : spec.target;
            side = root(source);
            if (faulty && below(3) != 0) {
                side = "fault+file://" + side + fault_query();
                note() << side;
            }
        }
        spec.rules.mode = rules_.mode;
        spec.rules.delete_vs_change = rules_.delete_vs_change;
        spec.rules.deleted_container = rules_.deleted_container;
        spec.rules.force = {true, true, true}; // guards have tests of their own
        for (const Chain& chain : rules_.chains) {
            if (rules_.chains.size() == 1 && chain.strategies.front() == "manual" &&
                below(2) == 0) {
                continue; // it is what counts if nothing is named
            }
            const auto parsed = syncline::parse_chain(as_written(chain));
            if (!parsed.ok()) {
                throw Problem(as_written(chain) + ": " + parsed.status().message());
            }
            if (parsed->pattern.empty()) {
                spec.strategies = parsed->strategies;
            } else {
                spec.pattern_strategies.push_back(*parsed);
            }
        }
        spec.state_directory = folder_ / "state";
        spec.guard.retry.max_attempts = 1;
        spec.guard.breaker.failure_rate_percent = 0;
        syncline::RunProgress progress;
        syncline::RunControl control;
        control.drain = std::move(drain);
        planned_.clear();
        control.show = [this](const syncline::PlannedOp& op) {
            planned_ += (planned_.empty() ? "" : "; ") + std::string(name_of(op.action)) + " '" +
                        show(op.key) + "' on " + std::string(name_of(op.side)) + ": " + op.reason;
        };
        const syncline::SyncReport report =
            run_sync({plugins_, pool_, progress, syncline::system_clock()}, spec, control);
        if (report.error.ok() && !report.outcomes.add_up()) {
            throw Problem("the outcomes do not add up");
        }
        return report;
    }

    // An ordinary run that must get through.
    syncline::SyncReport clean_run(const char* what) {
        syncline::SyncReport report = run();
        if (!report.error.ok()) {
            throw Problem(std::string(what) + ": " + report.error.message());
        }
        if (!report.stopped.ok() || report.outcomes.failed + report.outcomes.pending > 0) {
            std::string text = std::string(what) + " did not do everything: ";
            for (const syncline::ReportedItem& item : report.items) {
                text += "'" + show(item.key) + "' " + std::string(name_of(item.action)) + ": " +
                        item.message + "; ";
            }
            throw Problem(text);
        }
        return report;
    }

    bool names_a_winner() const {
        for (const Chain& chain : rules_.chains) {
            for (const std::string& strategy : chain.strategies) {
                if (strategy.ends_with("-wins")) {
                    return true;
                }
            }
        }
        return rules_.mode == Mode::mirror ||
               rules_.delete_vs_change == DeleteVsChange::delete_wins;
    }

    std::set<std::string> archived() const {
        std::set<std::string> all;
        std::error_code none; // nothing was archived yet
        for (const fs::directory_entry& entry :
             fs::recursive_directory_iterator(folder_ / "state" / "archive", none)) {
            if (entry.is_regular_file()) {
                std::ifstream in(entry.path(), std::ios::binary);
                all.emplace(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
            }
        }
        return all;
    }

    // What was new on a side is somewhere, unless a policy that was named says otherwise. What was
    // merged is in the archive.
    void check_safety(const char* when, const std::set<std::string>& before) const {
        if (names_a_winner()) {
            return;
        }
        std::set<std::string> after = contents(tree(true));
        after.merge(contents(tree(false)));
        if (merges_) {
            after.merge(archived());
        }
        std::set<std::string> agreed = contents(base_.source);
        agreed.merge(contents(base_.target));
        for (const std::string& content : before) {
            if (after.count(content) == 0 && agreed.count(content) == 0) {
                throw Problem(std::string(when) + ": lost '" + show(content) + "'");
            }
        }
    }

    void one_round() {
        const Tree source = tree(true);
        const Tree target = tree(false);
        std::set<std::string> before = contents(source);
        before.merge(contents(target));
        Prediction wanted = predict(rules_, base_, source, target);
        if ((renamed_[0] && renamed_[1]) || (renamed_[0] && edited_target_) || renamed_[1]) {
            wanted.is_open = true; // renames that meet other edits have rules of their own
            wanted.open_because = "renames";
        }
        int kind = below(10);
        if (kind == 3 && merges_ && below(3) != 0) {
            kind = 9; // after a round that is not predicted none follows that could merge
        }
        if (kind < 2) {
            note() << "a run with faults";
            run(true);
            check_safety("after a run with faults", before);
        } else if (kind == 2) {
            std::stop_source stop;
            note() << "a run that is cut off";
            interrupted_run([&] { stop.request_stop(); }, stop.get_token());
            check_safety("after a run that was cut off", before);
        } else if (kind == 3) {
            note() << "edits during a run";
            std::set<std::string> replaced; // what the run has brought over, maybe: a person's loss
            interrupted_run(
                [&] {
                    for (const bool side : {true, false}) {
                        std::set<std::string> there = contents(tree(side));
                        edit(side);
                        for (const std::string& left : contents(tree(side))) {
                            there.erase(left);
                        }
                        replaced.merge(there);
                    }
                },
                {});
            before = contents(tree(true));
            before.merge(contents(tree(false)));
            for (const std::string& content : replaced) {
                before.erase(content);
            }
            wanted.is_open = true;
            wanted.open_because = "edits during the run";
        }
        const syncline::SyncReport report = clean_run("the run");
        const Tree source_after = tree(true);
        const Tree target_after = tree(false);
        check_safety("after the run", before);
        ++tally_.rounds;
        if (!wanted.is_open) {
            ++tally_.predicted;
            tally_.merged += wanted.merged.size();
            settle_layouts(wanted, target_after);
            expect_equal("source", source_after, wanted.source);
            expect_equal("target", target_after, wanted.target);
            if (wanted.conflicts.empty() != (report.outcomes.conflicted == 0)) {
                throw Problem(std::to_string(report.outcomes.conflicted) + " conflicts, expected " +
                              std::to_string(wanted.conflicts.size()));
            }
        } else {
            ++tally_.not_predicted[wanted.open_because];
            note() << "not predicted: " << wanted.open_because;
        }
        if (rules_.mode != Mode::two_way) {
            expect_equal("source, which is never written,", source_after,
                         source_before(kind, source));
        }
        if (rules_.mode == Mode::mirror ||
            (rules_.mode == Mode::two_way && report.outcomes.conflicted == 0)) {
            expect_equal("target compared with source", target_after, source_after);
        }
        const syncline::SyncReport again = clean_run("the second run");
        if (again.outcomes.planned != again.outcomes.conflicted + again.outcomes.skipped) {
            throw Problem("the second run is not idle: " + std::to_string(again.outcomes.planned) +
                          " planned");
        }
        expect_equal("source after the second run", tree(true), source_after);
        expect_equal("target after the second run", tree(false), target_after);
        base_ = std::move(wanted.base);
        is_over_ = wanted.is_open; // what the base is now only the engine knows
    }

    // Where only the fields are predicted, their order and layout are what they are.
    static void settle_layouts(Prediction& wanted, const Tree& actual) {
        for (const std::string& path : wanted.fields_only) {
            const auto found = actual.find(path);
            const std::string predicted = wanted.target.at(path).data;
            if (found == actual.end() || found->second.kind != Kind::file ||
                fields_of(found->second.data) != fields_of(predicted)) {
                continue; // not as it should be, which shows in what follows
            }
            for (Tree* tree :
                 {&wanted.source, &wanted.target, &wanted.base.source, &wanted.base.target}) {
                const auto node = tree->find(path);
                if (node != tree->end() && node->second.data == predicted) {
                    node->second.data = found->second.data;
                }
            }
        }
    }

    // Edits during the run change the source, too.
    Tree source_before(int kind, const Tree& source) const {
        return kind == 3 ? tree(true) : source;
    }

    void interrupted_run(std::function<void()> what, const std::stop_token& drain) {
        at_failpoint = std::move(what);
        failpoints_left = 1 + below(12);
        syncline::set_failpoint_hook(on_failpoint);
        run(false, drain);
        syncline::set_failpoint_hook(nullptr);
    }

    static void expect_equal(const std::string& what, const Tree& actual, const Tree& wanted) {
        const std::string lines = differences(actual, wanted);
        if (!lines.empty()) {
            throw Problem(what + " is not as it should be:\n" + lines);
        }
    }

    std::mt19937_64 random_;
    syncline::PluginRegistry& plugins_;
    syncline::WorkerPool& pool_;
    fs::path folder_;
    bool verbose_;
    Rules rules_;
    Base base_;
    bool renamed_[2] = {};
    bool edited_target_ = false;
    bool is_over_ = false;
    bool merges_ = false;
    Taste taste_ = Taste::mixed;
    Tally tally_;
    std::int64_t clock_ns_ = 1'700'000'000'000'000'000;
    int made_ = 0;
    std::string planned_; // what the last run was about to do
    std::vector<std::string> story_;
};

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const bool has_value = i + 1 < argc;
        if (word == "--seed" && has_value) {
            options.seed = std::strtoull(argv[++i], nullptr, 10);
        } else if (word == "--worlds" && has_value) {
            options.worlds = std::strtoull(argv[++i], nullptr, 10);
        } else if (word == "--first" && has_value) {
            options.first = std::strtoull(argv[++i], nullptr, 10);
        } else if (word == "--plugins" && has_value) {
            options.plugins = argv[++i];
        } else if (word == "--verbose") {
            options.verbose = true;
        } else {
            std::cerr << "usage: worlds [--seed N] [--worlds N] [--first N] [--plugins DIR] "
                         "[--verbose]\n";
            std::exit(2);
        }
    }
    return options;
}

} // namespace

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    syncline::LogOptions log;
    log.console_level = syncline::LogLevel::error; // injected faults are no news
    syncline::init_logging(log);
    std::string scratch = (::access("/dev/shm", W_OK) == 0 ? std::string("/dev/shm")
                                                           : fs::temp_directory_path().string()) +
                          "/syncline-worlds-XXXXXX";
    if (::mkdtemp(scratch.data()) == nullptr) {
        std::perror("worlds: mkdtemp");
        return 1;
    }
    const fs::path program = fs::path(scratch) / "merge-program";
    std::ofstream(program) << kMergeProgram;
    fs::permissions(program, fs::perms::owner_all);
    std::uint64_t failed = 0;
    World::Tally tally;
    {
        const auto plugins = syncline::make_plugin_registry(syncline::system_clock());
        plugins->load({{options.plugins}, {fs::path(scratch) / "cache"}});
        const auto pool =
            syncline::make_worker_pool({.workers = 2, .capacity = 6}, syncline::system_clock());
        if (!pool->start().ok()) {
            return 1;
        }
        std::cout << "seed " << options.seed << std::endl;
        for (std::uint64_t number = options.first; number < options.first + options.worlds;
             ++number) {
            World world(options, number, *plugins, *pool, scratch);
            try {
                world.live();
            } catch (const std::exception& problem) {
                ++failed;
                std::cout << "FAIL world " << number << ": " << problem.what() << "\n"
                          << world.story() << "  again: worlds --seed " << options.seed
                          << " --first " << number << " --worlds 1 --verbose" << std::endl;
            }
            tally.rounds += world.tally().rounds;
            tally.predicted += world.tally().predicted;
            tally.merged += world.tally().merged;
            for (const auto& [why, count] : world.tally().not_predicted) {
                tally.not_predicted[why] += count;
            }
        }
        (void)pool->stop(syncline::system_clock().mono_ns() + 10'000'000'000);
    }
    std::error_code ignored;
    fs::remove_all(scratch, ignored);
    std::cout << tally.rounds << " rounds, " << tally.predicted << " predicted with "
              << tally.merged << " merged items\n";
    for (const auto& [why, count] : tally.not_predicted) {
        std::cout << "    " << count << " not predicted: " << why << "\n";
    }
    std::cout << options.worlds - failed << " passed, " << failed << " failed" << std::endl;
    return failed == 0 ? 0 : 1;
}
