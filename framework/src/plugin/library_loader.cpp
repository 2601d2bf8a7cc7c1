#include "plugin/library_loader.hpp"

#include "plugin/call.hpp"
#include "plugin/elf_file.hpp"
#include "plugin/library_cache.hpp"
#include "plugin/status_of.hpp"
#include "syncline/core/log.hpp"

#include <syncline/abi/abi.h>

#include <boost/dll/shared_library.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

namespace syncline::plugin {

namespace {

// What version 1.0 of the ABI has.
constexpr std::uint32_t kEntrySize = 48;
constexpr std::uint32_t kFactorySize = 32;
constexpr std::uint32_t kDescriptorSize = 88;
static_assert(sizeof(syncline_entry) == kEntrySize);
static_assert(sizeof(syncline_factory) == kFactorySize);
static_assert(sizeof(syncline_descriptor) == kDescriptorSize);

constexpr std::uint32_t kMaxOffers = 256;
constexpr std::size_t kMaxId = 128;
constexpr std::size_t kMaxList = 64;

struct Process {
    std::recursive_mutex mutex; // a library that fails to load ends its Library inside
    // By digest. A handle stays for ever, a Library as long as someone uses it.
    std::map<std::string, boost::dll::shared_library> mapped;
    std::map<std::string, std::weak_ptr<const Library>> used;
};

// Never destroyed, so that no destructor at the end of the process unloads anything.
Process& process() {
    static Process& immortal = *new Process;
    return immortal;
}

LoadFailure failed(LoadFailureKind kind, const std::filesystem::path& path, std::string message) {
    return {kind, path, std::move(message)};
}

std::string host_version() {
    return std::to_string(SYNCLINE_ABI_MAJOR) + "." + std::to_string(SYNCLINE_ABI_MINOR);
}

std::optional<LoadFailure> check_numbers(const std::filesystem::path& path,
                                         const EntryNumbers& numbers) {
    if (numbers.struct_size < kEntrySize) {
        return failed(LoadFailureKind::broken, path,
                      "its entry has " + std::to_string(numbers.struct_size) +
                          " bytes, version 1.0 of the plugin ABI has " +
                          std::to_string(kEntrySize));
    }
    if (numbers.abi_major != SYNCLINE_ABI_MAJOR) {
        const bool newer = numbers.abi_major > SYNCLINE_ABI_MAJOR;
        return failed(newer ? LoadFailureKind::abi_too_new : LoadFailureKind::abi_too_old, path,
                      "built for plugin ABI " + std::to_string(numbers.abi_major) + "." +
                          std::to_string(numbers.abi_minor) + ", and this program has " +
                          host_version() +
                          (newer ? "; a newer syncline is needed"
                                 : "; a newer version of the plugin is needed"));
    }
    if (numbers.min_host_minor > SYNCLINE_ABI_MINOR) {
        return failed(LoadFailureKind::abi_too_new, path,
                      "needs plugin ABI " + std::to_string(numbers.abi_major) + "." +
                          std::to_string(numbers.min_host_minor) +
                          " or later, and this program has " + host_version() +
                          "; a newer syncline is needed");
    }
    return std::nullopt;
}

LoadFailure no_entry(const std::filesystem::path& path, unsigned later_entry) {
    if (later_entry > 1) {
        return failed(LoadFailureKind::abi_too_new, path,
                      "built for plugin ABI " + std::to_string(later_entry) +
                          " only, and this program has " + host_version() +
                          "; a newer syncline is needed");
    }
    return failed(LoadFailureKind::no_entry, path,
                  "not a syncline plugin: it exports no " SYNCLINE_ENTRY_SYMBOL);
}

// The loader's text names the private copy, which tells nobody anything.
std::string loader_text(const char* what, const std::filesystem::path& copy,
                        const std::filesystem::path& path) {
    std::string text = what;
    if (const std::size_t begin = text.find("dlerror system message: "); begin != text.npos) {
        text.erase(0, begin + std::strlen("dlerror system message: "));
    }
    for (std::size_t at = text.find(copy.string()); at != text.npos;
         at = text.find(copy.string(), at + path.string().size())) {
        text.replace(at, copy.string().size(), path.string());
    }
    // Boost.DLL ends every failure with an error code that is the same for all of them.
    text.resize(std::min(text.size(), text.rfind("): Bad file descriptor")));
    return safe_text(text, kMaxErrorText);
}

bool is_id(std::string_view id) {
    const bool letters = std::ranges::all_of(id, [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') ||
               letter == '.' || letter == '-';
    });
    // <vendor>.<kind>.<name>: at least three labels, none empty.
    return letters && !id.empty() && id.size() <= kMaxId && std::ranges::count(id, '.') >= 2 &&
           id.front() != '.' && id.back() != '.' && id.find("..") == id.npos;
}

bool read_list(const char* const* list, std::vector<std::string>& out) {
    for (; list != nullptr && *list != nullptr; ++list) {
        if (out.size() == kMaxList) {
            return false;
        }
        out.emplace_back(*list);
    }
    return true;
}

// Empty: fine.
std::string read_descriptor(const syncline_descriptor* descriptor, PluginDescription& to) {
    if (descriptor == nullptr) {
        return "is NULL";
    }
    if (descriptor->struct_size < kDescriptorSize) {
        return "has " + std::to_string(descriptor->struct_size) + " bytes, version 1.0 has " +
               std::to_string(kDescriptorSize);
    }
    const std::pair<const char*, const char*> texts[] = {
        {"id", descriptor->id},
        {"version", descriptor->version},
        {"name", descriptor->name},
        {"vendor", descriptor->vendor},
        {"url", descriptor->url},
        {"description", descriptor->description},
        {"config_schema", descriptor->config_schema}};
    for (const auto& [name, text] : texts) {
        if (text == nullptr) {
            return std::string("has NULL as its ") + name;
        }
    }
    if (descriptor->kind == 0) {
        return "has no kind";
    }
    to.id = descriptor->id;
    if (!is_id(to.id)) {
        return "has the id '" + safe_text(to.id, kMaxId) +
               "', which is not <vendor>.<kind>.<name> of a-z, 0-9, '.' and '-'";
    }
    to.kind = static_cast<PluginKind>(descriptor->kind);
    to.version = safe_text(descriptor->version, kMaxId);
    to.name = safe_text(descriptor->name, kMaxErrorText);
    to.vendor = safe_text(descriptor->vendor, kMaxErrorText);
    to.description = safe_text(descriptor->description, kMaxErrorText);
    to.url = safe_text(descriptor->url, kMaxErrorText);
    to.config_schema = descriptor->config_schema;
    to.caps_max = descriptor->caps_max;
    if (!read_list(descriptor->features, to.features) ||
        !read_list(descriptor->schemes, to.schemes)) {
        return "has a list of more than " + std::to_string(kMaxList) + " words";
    }
    return {};
}

} // namespace

Library::~Library() {
    const std::lock_guard lock(process().mutex);
    const ThreadRole role(SYNCLINE_THREAD_CONTROL);
    try {
        entry_.deinit();
    } catch (...) { // NOLINT(bugprone-empty-catch) a destructor must go on
    }
}

std::optional<LoadFailure> LibraryLoader::open(const std::filesystem::path& path,
                                               const std::filesystem::path& copy,
                                               const syncline_entry** entry) const {
    auto& mapped = process().mapped;
    auto known = mapped.find(copy.string());
    if (known == mapped.end()) {
        try {
            boost::dll::shared_library library(copy, boost::dll::load_mode::rtld_now |
                                                         boost::dll::load_mode::rtld_local);
            known = mapped.emplace(copy.string(), std::move(library)).first;
        } catch (const std::exception& error) {
            return failed(LoadFailureKind::missing_dependency, path,
                          "the system's loader says: " + loader_text(error.what(), copy, path));
        }
    }
    const boost::dll::shared_library& library = known->second;
    if (!library.has(SYNCLINE_ENTRY_SYMBOL)) {
        return no_entry(path, library.has("syncline_entry_v2") ? 2 : 0);
    }
    *entry = &library.get<const syncline_entry>(SYNCLINE_ENTRY_SYMBOL);
    return std::nullopt;
}

std::optional<LoadFailure> LibraryLoader::describe(const std::filesystem::path& path,
                                                   Library& library) const {
    const auto broken = [&](const std::string& what) {
        return failed(LoadFailureKind::broken, path, what);
    };
    const auto* factory =
        static_cast<const syncline_factory*>(library.entry_.get_factory(SYNCLINE_IFACE_FACTORY));
    if (factory == nullptr) {
        return broken("it has no factory (" SYNCLINE_IFACE_FACTORY ")");
    }
    if (factory->struct_size < kFactorySize) {
        return broken("its factory has " + std::to_string(factory->struct_size) +
                      " bytes, version 1.0 of the plugin ABI has " + std::to_string(kFactorySize));
    }
    if (factory->count == nullptr || factory->describe == nullptr || factory->create == nullptr) {
        return broken("its factory lacks a function");
    }
    const std::uint32_t count = factory->count(factory);
    if (count > kMaxOffers) {
        return broken("its factory claims to offer " + std::to_string(count) + " plugins");
    }
    std::set<std::string> ids;
    for (std::uint32_t index = 0; index < count; ++index) {
        Offer offer;
        offer.descriptor = factory->describe(factory, index);
        const std::string wrong = read_descriptor(offer.descriptor, offer.description);
        if (!wrong.empty()) {
            return broken("its descriptor " + std::to_string(index + 1) + " of " +
                          std::to_string(count) + " " + wrong);
        }
        if (!ids.insert(offer.description.id).second) {
            return broken("it offers " + offer.description.id + " twice");
        }
        if (offer.descriptor->kind > SYNCLINE_PLUGIN_SCHEDULER) {
            log(LogLevel::debug, "plugin",
                path.string() + ": skipped " + offer.description.id + ", of an unknown kind");
            continue;
        }
        offer.description.sdk =
            library.entry_.sdk == nullptr ? "" : safe_text(library.entry_.sdk, kMaxId);
        offer.description.abi_major = library.entry_.abi_major;
        offer.description.abi_minor = library.entry_.abi_minor;
        library.offers_.push_back(std::move(offer));
    }
    library.factory_ = factory;
    return std::nullopt;
}

Loaded LibraryLoader::load_locked(const std::filesystem::path& path, const LibraryPin& pin) const {
    const Result<CachedLibrary> copy = cache_library(cache_, path);
    if (!copy.ok()) {
        const bool absent = copy.code() == Code::not_found;
        return failed(absent ? LoadFailureKind::not_found : LoadFailureKind::unreadable, path,
                      copy.status().message());
    }
    if (!pin.digest.empty() && pin.digest != copy->digest) {
        return failed(LoadFailureKind::digest_differs, path,
                      "its SHA-256 is " + copy->digest + ", and its plugin.json says " +
                          pin.digest + "; install the bundle again");
    }
    std::weak_ptr<const Library>& used = process().used[copy->path.string()];
    if (std::shared_ptr<const Library> library = used.lock()) {
        return library;
    }
    const ElfFacts facts = inspect_elf(copy->content.bytes());
    if (!facts.wrong.empty()) {
        return failed(LoadFailureKind::wrong_platform, path, facts.wrong);
    }
    if (facts.symbols_known && !facts.has_entry) {
        return no_entry(path, facts.later_entry);
    }
    if (facts.numbers_known) {
        if (auto failure = check_numbers(path, facts.numbers)) {
            return *std::move(failure);
        }
    }
    const ThreadRole role(SYNCLINE_THREAD_CONTROL);
    const syncline_entry* entry = nullptr;
    if (auto failure = open(path, copy->path, &entry)) {
        return *std::move(failure);
    }
    if (auto failure = check_numbers(path, {entry->struct_size, entry->abi_major, entry->abi_minor,
                                            entry->min_host_minor})) {
        return *std::move(failure);
    }
    if (entry->init == nullptr || entry->deinit == nullptr || entry->get_factory == nullptr) {
        return failed(LoadFailureKind::broken, path, "its entry lacks a function");
    }
    auto host = std::make_unique<HostServices>(path.filename().string(), clock_);
    const std::string bundle = path.parent_path().string();
    // There is no call to explain an error through, so that a warning or error it logs serves as
    // its text.
    CallReport report;
    syncline_status status = SYNCLINE_E_INTERNAL;
    try {
        status = entry->init(host->abi(), {bundle.data(), bundle.size()});
        report.message = host->last_complaint();
    } catch (const std::exception& error) {
        report.message = std::string("its init threw an exception: ") + error.what();
    }
    if (status != SYNCLINE_OK) {
        const std::string name = path.filename().string();
        return failed(LoadFailureKind::init_failed, path,
                      status_of(status, &report, {name, "init"}).message());
    }
    auto library = std::make_shared<Library>(*entry, std::move(host));
    std::optional<LoadFailure> failure;
    try {
        failure = describe(path, *library);
    } catch (const std::exception& error) {
        failure = failed(LoadFailureKind::broken, path,
                         std::string("its factory threw an exception: ") + error.what());
    }
    if (failure) {
        return *std::move(failure);
    }
    used = library;
    return std::shared_ptr<const Library>(std::move(library));
}

Loaded LibraryLoader::load(const std::filesystem::path& path, const LibraryPin& pin) const {
    try {
        const std::lock_guard lock(process().mutex);
        return load_locked(path, pin);
    } catch (const std::exception& error) {
        return failed(LoadFailureKind::broken, path, error.what());
    } catch (...) {
        return failed(LoadFailureKind::broken, path, "it threw an exception while being loaded");
    }
}

} // namespace syncline::plugin
