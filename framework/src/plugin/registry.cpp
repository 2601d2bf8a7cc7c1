#include "plugin/abi_connector.hpp"
#include "plugin/abi_strategy.hpp"
#include "plugin/bundle.hpp"
#include "plugin/library_cache.hpp"
#include "plugin/library_loader.hpp"
#include "syncline/core/log.hpp"
#include "syncline/core/text.hpp"
#include "syncline/plugin/plugin_registry.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <tuple>

namespace syncline {

std::string_view name_of(PluginKind kind) {
    switch (kind) {
    case PluginKind::connector:
        return "connector";
    case PluginKind::strategy:
        return "strategy";
    case PluginKind::scheduler:
        return "scheduler";
    }
    return "plugin";
}

bool PluginDescription::has_feature(std::string_view feature) const {
    return std::ranges::find(features, feature) != features.end();
}

std::string_view name_of(LoadFailureKind kind) {
    switch (kind) {
    case LoadFailureKind::not_found:
        return "not found";
    case LoadFailureKind::wrong_platform:
        return "wrong platform";
    case LoadFailureKind::missing_dependency:
        return "missing dependency";
    case LoadFailureKind::no_entry:
        return "no entry";
    case LoadFailureKind::abi_too_new:
        return "ABI too new";
    case LoadFailureKind::abi_too_old:
        return "ABI too old";
    case LoadFailureKind::init_failed:
        return "init failed";
    case LoadFailureKind::broken:
        return "broken";
    case LoadFailureKind::unreadable:
        return "unreadable";
    case LoadFailureKind::digest_differs:
        return "digest differs";
    case LoadFailureKind::cache_refused:
        return "cache refused";
    }
    return "unknown";
}

namespace {

namespace fs = std::filesystem;

// Semantic versions, as far as their numbers go: missing ones count as 0, and 1.0.0-rc.1 comes
// before 1.0.0.
bool version_less(std::string_view a, std::string_view b) {
    struct Version {
        std::uint64_t numbers[3] = {};
        bool released = true;
        std::string_view label;
    };
    const auto parse = [](std::string_view text) {
        Version version;
        text = text.substr(0, text.find('+'));
        if (const std::size_t dash = text.find('-'); dash != text.npos) {
            version.released = false;
            version.label = text.substr(dash + 1);
            text = text.substr(0, dash);
        }
        const char* at = text.data();
        const char* const end = at + text.size();
        for (std::uint64_t& number : version.numbers) {
            const auto [stop, error] = std::from_chars(at, end, number);
            if (error != std::errc() || stop == end || *stop != '.') {
                break;
            }
            at = stop + 1;
        }
        return version;
    };
    const Version left = parse(a);
    const Version right = parse(b);
    return std::tie(left.numbers[0], left.numbers[1], left.numbers[2], left.released, left.label) <
           std::tie(right.numbers[0], right.numbers[1], right.numbers[2], right.released,
                    right.label);
}

std::string_view last_label(std::string_view id) { return id.substr(id.rfind('.') + 1); }

std::string plural_of(PluginKind kind) {
    return kind == PluginKind::strategy ? "strategies" : std::string(name_of(kind)) + "s";
}

std::string join(const std::vector<std::string>& words) {
    std::string all;
    for (const std::string& word : words) {
        all += (all.empty() ? "" : ", ") + word;
    }
    return all;
}

struct Entry {
    PluginDescription description;
    std::shared_ptr<const plugin::Library> library;
    const plugin::Offer* offer = nullptr; // of the library
};

struct Contents {
    std::map<std::string, Entry, std::less<>> plugins; // by id
    std::vector<LoadFailure> failures;
};

// One walk over the directories.
class Scan {
public:
    Scan(const fs::path& cache, const Clock& clock) : loader_(cache, clock) {}

    void directory(const fs::path& path);
    Contents take() { return std::move(contents_); }

private:
    void library(const fs::path& path, const plugin::LibraryPin& pin);
    void bundle(const fs::path& manifest);
    void adopt();

    plugin::LibraryLoader loader_;
    Contents contents_;
    std::map<std::string, Entry, std::less<>> here_; // what the directory at hand offers
    std::set<fs::path> seen_;
};

void Scan::library(const fs::path& path, const plugin::LibraryPin& pin) {
    plugin::Loaded loaded = loader_.load(path, pin);
    if (auto* failure = std::get_if<LoadFailure>(&loaded)) {
        contents_.failures.push_back(std::move(*failure));
        return;
    }
    const auto& library = std::get<std::shared_ptr<const plugin::Library>>(loaded);
    for (const plugin::Offer& offer : library->offers()) {
        const std::string& id = offer.description.id;
        const auto known = here_.find(id);
        if (known != here_.end() &&
            !version_less(known->second.description.version, offer.description.version)) {
            log(LogLevel::debug, "plugin",
                path.string() + ": " + id + " is taken from " +
                    known->second.description.library.string());
            continue;
        }
        Entry entry{offer.description, library, &offer};
        entry.description.library = path;
        here_.insert_or_assign(id, std::move(entry));
    }
}

void Scan::bundle(const fs::path& manifest) {
    auto read = plugin::read_bundle(manifest);
    if (auto* failure = std::get_if<LoadFailure>(&read)) {
        contents_.failures.push_back(std::move(*failure));
        return;
    }
    const auto& bundled = std::get<plugin::BundledLibrary>(read);
    library(bundled.path, {bundled.digest});
}

// A directory before wins over this one, whatever the versions.
void Scan::adopt() {
    contents_.plugins.merge(here_);
    here_.clear();
}

void Scan::directory(const fs::path& path) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) {
        contents_.failures.push_back(
            {LoadFailureKind::not_found, path, "no such file or directory; check the plugin path"});
        return;
    }
    if (!seen_.insert(fs::weakly_canonical(path, error)).second) {
        return;
    }
    if (!fs::is_directory(status)) {
        if (path.filename() == plugin::kManifestName) {
            bundle(path);
        } else {
            library(path, {});
        }
        adopt();
        return;
    }
    std::vector<fs::path> names;
    fs::directory_iterator at(path, error);
    for (; !error && at != fs::directory_iterator(); at.increment(error)) {
        names.push_back(at->path());
    }
    if (error) {
        contents_.failures.push_back({LoadFailureKind::unreadable, path,
                                      "this directory cannot be read: " + error.message()});
    }
    std::ranges::sort(names); // so that every start finds the same
    for (const fs::path& name : names) {
        if (name.filename().native().starts_with('.')) {
            continue;
        }
        std::error_code ignored;
        if (fs::is_directory(name, ignored)) {
            if (fs::exists(name / plugin::kManifestName, ignored)) {
                bundle(name / plugin::kManifestName);
            }
        } else if (name.extension() == ".so") {
            library(name, {});
        }
    }
    adopt();
}

// Tells whether something changed where plugins are looked for. A file that is replaced has another
// inode or another change time.
std::string state_of(const PluginSearch& search) {
    std::string state;
    const auto note = [&](const fs::path& path) {
        struct stat found {};
        state += path.native() + '\n';
        if (::stat(path.c_str(), &found) == 0) {
            for (const std::int64_t number :
                 {static_cast<std::int64_t>(found.st_ino), static_cast<std::int64_t>(found.st_size),
                  static_cast<std::int64_t>(found.st_ctim.tv_sec),
                  static_cast<std::int64_t>(found.st_ctim.tv_nsec)}) {
                state += std::to_string(number) + ' ';
            }
        }
    };
    for (const fs::path& directory : search.directories) {
        std::error_code error;
        std::vector<fs::path> names{directory};
        fs::recursive_directory_iterator at(directory,
                                            fs::directory_options::skip_permission_denied, error);
        for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
            names.push_back(at->path());
            if (at.depth() >= 1) {
                at.disable_recursion_pending(); // bundles are one level deep
            }
        }
        std::ranges::sort(names);
        std::ranges::for_each(names, note);
    }
    return state;
}

class Registry final : public PluginRegistry {
public:
    explicit Registry(const Clock& clock) : clock_(clock) {}

    void load(const PluginSearch& search) override;
    void refresh() override;
    std::vector<PluginDescription> plugins() const override;
    std::vector<LoadFailure> failures() const override;
    Result<PluginDescription> find(PluginKind kind, std::string_view id_or_label) const override;
    Result<PluginDescription> find_scheme(std::string_view scheme) const override;
    Result<std::unique_ptr<Connector>> make_connector(std::string_view id,
                                                      std::string_view config_json) override;
    Result<std::unique_ptr<Connector>> make_wrapper(std::string_view id,
                                                    std::string_view config_json,
                                                    std::unique_ptr<Connector> inner) override;
    Result<std::unique_ptr<ConflictStrategy>> make_strategy(std::string_view id,
                                                            std::string_view config_json) override;

private:
    Result<Entry> find_entry(PluginKind kind, std::string_view id_or_label) const;
    std::string failure_note() const;
    void scan(const PluginSearch& search, bool keep_usable);

    const Clock& clock_;
    mutable std::shared_mutex mutex_;
    Contents contents_;
    std::mutex refreshing_; // before mutex_
    PluginSearch search_;   // guarded by refreshing_, as state_
    std::string state_;
};

void Registry::load(const PluginSearch& search) {
    const std::lock_guard refreshing(refreshing_);
    search_ = search;
    state_ = state_of(search);
    scan(search, false);
}

void Registry::refresh() {
    const std::lock_guard refreshing(refreshing_);
    std::string state = state_of(search_);
    if (state == state_) {
        return;
    }
    state_ = std::move(state);
    log(LogLevel::debug, "plugin", "plugins changed on disk; they are loaded anew");
    scan(search_, true);
}

void Registry::scan(const PluginSearch& search, bool keep_usable) {
    fs::path cache;
    Contents found;
    Status prepared(Code::invalid_argument, "no directory for private copies");
    std::string refused;
    for (const fs::path& candidate : search.caches) {
        if (candidate.empty()) {
            continue; // it would be the working directory
        }
        std::error_code error;
        cache = fs::absolute(candidate, error).lexically_normal();
        prepared = plugin::prepare_cache(cache);
        if (prepared.ok()) {
            break;
        }
        refused += (refused.empty() ? "" : "; ") + prepared.message();
    }
    if (prepared.ok()) {
        Scan scan(cache, clock_);
        for (const fs::path& directory : search.directories) {
            scan.directory(directory);
        }
        found = scan.take();
    } else {
        found.failures.push_back({LoadFailureKind::cache_refused,
                                  search.caches.empty() ? fs::path() : search.caches.front(),
                                  refused.empty() ? prepared.message() : refused});
    }
    {
        const std::unique_lock lock(mutex_);
        if (keep_usable) {
            for (const auto& known : contents_.plugins) {
                const bool failed = std::ranges::any_of(found.failures, [&](const auto& failure) {
                    return failure.library == known.second.description.library;
                });
                if (failed || !prepared.ok()) {
                    found.plugins.insert(known);
                }
            }
        }
        std::swap(contents_, found);
    }
    // What nobody uses any more ends here, outside the lock: it runs the plugins' code.
}

std::vector<PluginDescription> Registry::plugins() const {
    std::vector<PluginDescription> all;
    {
        const std::shared_lock lock(mutex_);
        for (const auto& [id, entry] : contents_.plugins) {
            all.push_back(entry.description);
        }
    }
    std::ranges::stable_sort(all, {}, &PluginDescription::kind);
    return all;
}

std::vector<LoadFailure> Registry::failures() const {
    const std::shared_lock lock(mutex_);
    return contents_.failures;
}

// Requires mutex_.
std::string Registry::failure_note() const {
    if (contents_.failures.empty()) {
        return {};
    }
    return "; " + display_count(contents_.failures.size(), "plugin") +
           " could not be loaded (see 'syncline plugin list')";
}

Result<Entry> Registry::find_entry(PluginKind kind, std::string_view id_or_label) const {
    const std::shared_lock lock(mutex_);
    const std::string shown = "'" + display_key(id_or_label) + "'";
    if (const auto found = contents_.plugins.find(id_or_label); found != contents_.plugins.end()) {
        if (found->second.description.kind == kind) {
            return found->second;
        }
        return Status(Code::not_found, shown + " is a " +
                                           std::string(name_of(found->second.description.kind)) +
                                           ", not a " + std::string(name_of(kind)));
    }
    const Entry* only = nullptr;
    std::vector<std::string> matches;
    std::vector<std::string> ids;
    std::vector<std::string> candidates; // as people may write them
    for (const auto& [id, entry] : contents_.plugins) {
        if (entry.description.kind != kind) {
            continue;
        }
        ids.push_back(id);
        candidates.emplace_back(last_label(id));
        if (last_label(id) == id_or_label) {
            only = &entry;
            matches.push_back(id);
        }
    }
    if (matches.size() == 1) {
        return *only;
    }
    if (!matches.empty()) {
        return Status(Code::invalid_argument,
                      shown + " could be any of " + join(matches) + "; write the full id");
    }
    candidates.insert(candidates.end(), ids.begin(), ids.end());
    std::string message = "no " + std::string(name_of(kind)) + " " + shown;
    if (const std::string near = nearest(id_or_label, candidates); !near.empty()) {
        message += "; did you mean '" + near + "'?";
    }
    message += ids.empty() ? "; there are no " + plural_of(kind) : "; there are: " + join(ids);
    return Status(Code::not_found, message + failure_note());
}

Result<PluginDescription> Registry::find(PluginKind kind, std::string_view id_or_label) const {
    Result<Entry> entry = find_entry(kind, id_or_label);
    if (!entry.ok()) {
        return entry.status();
    }
    return std::move(entry->description);
}

Result<PluginDescription> Registry::find_scheme(std::string_view scheme) const {
    const std::shared_lock lock(mutex_);
    const Entry* best = nullptr;
    std::size_t best_size = 0;
    std::vector<std::string> equals;
    std::vector<std::string> schemes;
    for (const auto& [id, entry] : contents_.plugins) {
        if (entry.description.kind != PluginKind::connector) {
            continue;
        }
        for (const std::string& known : entry.description.schemes) {
            schemes.push_back(known);
            // "fault" takes fault+file: what stands before a '+' wraps the rest.
            const bool fits = scheme == known || (scheme.starts_with(known) &&
                                                  scheme.substr(known.size()).starts_with('+'));
            if (known.empty() || !fits || known.size() < best_size) {
                continue;
            }
            if (known.size() > best_size) {
                equals.clear();
            }
            best = &entry;
            best_size = known.size();
            if (equals.empty() || equals.back() != id) {
                equals.push_back(id);
            }
        }
    }
    if (equals.size() > 1) {
        return Status(Code::invalid_argument,
                      "several connectors take " + display_key(scheme) + "://: " + join(equals));
    }
    if (best != nullptr) {
        return best->description;
    }
    std::string message =
        "no connector takes " + display_key(scheme) + ":// (see 'syncline plugin list')";
    if (const std::string near = nearest(scheme, schemes); !near.empty()) {
        message += "; did you mean " + near + "://?";
    }
    return Status(Code::not_found, message + failure_note());
}

Result<std::unique_ptr<Connector>> Registry::make_connector(std::string_view id,
                                                            std::string_view config_json) {
    const Result<Entry> entry = find_entry(PluginKind::connector, id);
    if (!entry.ok()) {
        return entry.status();
    }
    return plugin::make_abi_connector(entry->library, *entry->offer, config_json, clock_);
}

Result<std::unique_ptr<Connector>> Registry::make_wrapper(std::string_view id,
                                                          std::string_view config_json,
                                                          std::unique_ptr<Connector> inner) {
    const Result<Entry> entry = find_entry(PluginKind::connector, id);
    if (!entry.ok()) {
        return entry.status();
    }
    if (inner == nullptr || !entry->description.wraps()) {
        return Status(Code::invalid_argument,
                      inner == nullptr ? "there is no connector to wrap"
                                       : entry->description.id + " does not wrap other connectors");
    }
    return plugin::make_abi_connector(entry->library, *entry->offer, config_json, clock_,
                                      std::move(inner));
}

Result<std::unique_ptr<ConflictStrategy>> Registry::make_strategy(std::string_view id,
                                                                  std::string_view config_json) {
    const Result<Entry> entry = find_entry(PluginKind::strategy, id);
    if (!entry.ok()) {
        return entry.status();
    }
    return plugin::make_abi_strategy(entry->library, *entry->offer, config_json, clock_);
}

} // namespace

std::unique_ptr<PluginRegistry> make_plugin_registry(const Clock& clock) {
    return std::make_unique<Registry>(clock);
}

} // namespace syncline
