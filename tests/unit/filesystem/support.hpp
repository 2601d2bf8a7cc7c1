// A directory to play in, and a host that keeps what it is given.
#pragma once

#include "endpoint.hpp"
#include "posix.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace fstest {

using namespace std::string_literals;
using syncline::fs::Endpoint;
using syncline::fs::Settings;
using syncline::fs::Status;
using syncline::fs::Tweaks;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kOld = 1'500'000'000 * kSecond + 123'456'789;

// A new directory with a subdirectory "root", removed at the end. In memory unless TMPDIR names
// another place.
class Playground {
public:
    Playground() {
        const bool uses_shm = std::getenv("TMPDIR") == nullptr && access("/dev/shm", W_OK) == 0;
        base_ = (uses_shm ? "/dev/shm" : std::filesystem::temp_directory_path().string()) +
                "/syncline-fs-test-XXXXXX";
        if (mkdtemp(base_.data()) == nullptr) {
            throw std::runtime_error("mkdtemp failed");
        }
        std::filesystem::create_directory(root());
    }
    Playground(const Playground&) = delete;
    Playground& operator=(const Playground&) = delete;
    ~Playground() {
        // The trees of some tests are deeper than a path may be long.
        const std::string command =
            "chmod -R u+rwx '" + base_ + "' 2>/dev/null; rm -rf '" + base_ + "'";
        if (std::system(command.c_str()) != 0) {
            std::perror("rm");
        }
    }

    [[nodiscard]] const std::string& base() const { return base_; }
    [[nodiscard]] std::string root() const { return base_ + "/root"; }
    [[nodiscard]] std::string path(const std::string& name) const { return root() + "/" + name; }
    [[nodiscard]] bool exists(const std::string& name) const {
        struct stat ignored {};
        return lstat(path(name).c_str(), &ignored) == 0;
    }
    void directory(const std::string& name) const {
        std::filesystem::create_directories(path(name));
    }
    void link(const std::string& name, const std::string& target) const {
        std::filesystem::create_symlink(target, path(name));
    }
    void write(const std::string& name, const std::string& text,
               std::int64_t mtime_ns = kOld) const {
        const syncline::fs::Fd fd(
            ::open(path(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
        if (!fd.valid() ||
            syncline::fs::write_all(fd.get(), reinterpret_cast<const std::uint8_t*>(text.data()),
                                    text.size()) != 0 ||
            syncline::fs::set_mtime(fd.get(), mtime_ns) != 0) {
            throw std::runtime_error("cannot write " + name + ": " + std::strerror(errno));
        }
    }
    [[nodiscard]] std::string read(const std::string& name) const {
        const syncline::fs::Fd fd(::open(path(name).c_str(), O_RDONLY | O_CLOEXEC));
        std::string out;
        char piece[65536];
        for (ssize_t got = 0; fd.valid() && (got = ::read(fd.get(), piece, sizeof piece)) > 0;) {
            out.append(piece, static_cast<std::size_t>(got));
        }
        return fd.valid() ? out : "<none>";
    }
    // Names directly in the root, hidden ones included.
    [[nodiscard]] std::size_t count_names() const {
        std::size_t out = 0;
        for (const auto& entry : std::filesystem::directory_iterator(root())) {
            static_cast<void>(entry);
            ++out;
        }
        return out;
    }

private:
    std::string base_;
};

struct Seen {
    std::string key;
    std::string version;
    std::string id;
    std::string executable;
    std::string access;
    std::uint32_t kind = 99;
    std::uint32_t fields = 0;
    std::uint64_t size = 0;
    std::uint64_t flags = 0;
    std::int64_t mtime_ns = 0;

    [[nodiscard]] bool unreadable() const { return (flags & SYNCLINE_ITEM_UNREADABLE) != 0; }
    [[nodiscard]] bool unsettled() const { return (flags & SYNCLINE_ITEM_UNSETTLED) != 0; }
};

inline Seen seen(const syncline_item& item) {
    Seen out;
    out.key = syncline::fs::view_of(item.key);
    out.version = syncline::fs::view_of(item.version);
    out.id = syncline::fs::view_of(item.id);
    out.kind = item.kind;
    out.fields = item.fields;
    out.size = item.size;
    out.flags = item.flags;
    out.mtime_ns = item.mtime_ns;
    for (std::uint64_t i = 0; i < item.meta.count; ++i) {
        const syncline_kv& entry = item.meta.data[i];
        const std::string_view name(entry.name.data, entry.name.size);
        (name == SYNCLINE_META_ACCESS ? out.access : out.executable) =
            syncline::fs::view_of(entry.value);
    }
    return out;
}

// Stands in for the host's side of one call.
class Call {
public:
    explicit Call(std::uint32_t flags = 0) {
        static const syncline_call_api kApi = [] {
            syncline_call_api out{};
            out.struct_size = sizeof out;
            out.is_cancelled = [](const syncline_call* call) -> std::uint32_t {
                return static_cast<Call*>(call->impl)->polled();
            };
            return out;
        }();
        raw_.struct_size = sizeof raw_;
        raw_.flags = flags;
        raw_.api = &kApi;
        raw_.impl = this;
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    const syncline_call* get() const { return &raw_; }

    int polls = 0;
    int cancel_at = -1; // which poll says "cancelled"

private:
    std::uint32_t polled() { return ++polls == cancel_at ? 1 : 0; }
    syncline_call raw_{};
};

class Items {
public:
    Items() {
        sink_.struct_size = sizeof sink_;
        sink_.impl = this;
        sink_.items = [](const syncline_item_sink* sink, const syncline_item* first,
                         std::uint64_t count, std::uint64_t stride) -> syncline_status {
            auto& self = *static_cast<Items*>(sink->impl);
            const auto* at = reinterpret_cast<const char*>(first);
            for (std::uint64_t i = 0; i < count; ++i) {
                self.all.push_back(seen(*reinterpret_cast<const syncline_item*>(at + i * stride)));
            }
            ++self.pushes;
            return self.all.size() >= self.stop_after ? SYNCLINE_STOP : self.answer;
        };
        sink_.next = [](const syncline_item_sink* sink, syncline_bytes cursor) -> syncline_status {
            static_cast<Items*>(sink->impl)->cursor = syncline::fs::view_of(cursor);
            return SYNCLINE_OK;
        };
    }
    Items(const Items&) = delete;
    Items& operator=(const Items&) = delete;
    const syncline_item_sink& get() const { return sink_; }

    std::vector<Seen> all;
    std::string cursor;
    std::size_t stop_after = SIZE_MAX;
    int pushes = 0;
    syncline_status answer = SYNCLINE_OK;

private:
    syncline_item_sink sink_{};
};

class Bytes {
public:
    Bytes() {
        sink_.struct_size = sizeof sink_;
        sink_.impl = this;
        sink_.begin = [](const syncline_get_sink* sink,
                         const syncline_item* item) -> syncline_status {
            auto& self = *static_cast<Bytes*>(sink->impl);
            self.item = seen(*item);
            ++self.begins;
            return SYNCLINE_OK;
        };
        sink_.write = [](const syncline_get_sink* sink, const void* data,
                         std::uint64_t size) -> syncline_status {
            static_cast<Bytes*>(sink->impl)->body.append(static_cast<const char*>(data), size);
            return SYNCLINE_OK;
        };
    }
    Bytes(const Bytes&) = delete;
    Bytes& operator=(const Bytes&) = delete;
    const syncline_get_sink& get() const { return sink_; }

    Seen item;
    int begins = 0;
    std::string body;

private:
    syncline_get_sink sink_{};
};

class Source {
public:
    explicit Source(std::string body, std::uint64_t announced = SYNCLINE_SIZE_UNKNOWN)
        : body_(std::move(body)) {
        reader_.struct_size = sizeof reader_;
        reader_.impl = this;
        reader_.size = announced;
        reader_.read = [](const syncline_reader* reader, void* buffer,
                          std::uint64_t capacity) -> std::int64_t {
            auto& self = *static_cast<Source*>(reader->impl);
            if (self.before_read) {
                self.before_read();
            }
            if (self.fail_at == self.at_) {
                return SYNCLINE_E_UNAVAILABLE;
            }
            const std::size_t limit = std::min<std::size_t>(self.step, capacity);
            const std::size_t count = std::min(limit, self.body_.size() - self.at_);
            std::memcpy(buffer, self.body_.data() + self.at_, count);
            self.at_ += count;
            return static_cast<std::int64_t>(count);
        };
    }
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    const syncline_reader* get() const { return &reader_; }

    std::size_t step = SIZE_MAX;
    std::size_t fail_at = SIZE_MAX;
    std::function<void()> before_read;

private:
    std::string body_;
    std::size_t at_ = 0;
    syncline_reader reader_{};
};

struct Outcome {
    syncline_status code = 0;
    std::string message;
    std::map<std::string, std::string> details;
    Seen item;
};

inline Outcome outcome(const Status& status, const Items& items) {
    Outcome out;
    out.code = status.code();
    out.message = status.message();
    if (status.get() != nullptr) {
        for (const auto& [name, value] : status.get()->details) {
            out.details[name] = value;
        }
    }
    if (!items.all.empty()) {
        out.item = items.all.back();
    }
    return out;
}

// How to put; the defaults put a plain new file.
struct Put {
    // NOLINTNEXTLINE(google-explicit-constructor): so that a call can say just what is special
    Put(std::uint32_t condition_in = SYNCLINE_COND_IF_ABSENT, std::string expected_in = {},
        std::uint32_t kind_in = SYNCLINE_KIND_OBJECT, std::int64_t mtime_in = kOld)
        : condition(condition_in), expected(std::move(expected_in)), kind(kind_in),
          mtime_ns(mtime_in) {}

    std::uint32_t condition;
    std::string expected;
    std::uint32_t kind;
    std::int64_t mtime_ns;
    int executable = -1; // -1: say nothing
    std::string access;  // empty: say nothing
    std::uint64_t announced = SYNCLINE_SIZE_UNKNOWN;
};

// An endpoint on the playground's root.
class Client {
public:
    explicit Client(const Playground& ground, Tweaks tweaks = {})
        : Client(settings(ground, std::move(tweaks))) {}
    explicit Client(Settings settings) : endpoint(std::move(settings)) {}

    static Settings settings(const Playground& ground, Tweaks tweaks = {}) {
        Settings out;
        out.path = ground.root();
        out.tweaks = std::move(tweaks);
        return out;
    }

    Outcome put(const std::string& key, const std::string& body, const Put& how = {}) {
        Source source(body, how.announced);
        return put_from(key, source, how);
    }
    Outcome put_from(const std::string& key, const Source& source, const Put& how) {
        Items items;
        Call call;
        Status status;
        with_request(key, how, [&](const syncline_put_req& req) {
            status = endpoint.put(call.get(), req, source.get(), items.get());
        });
        return outcome(status, items);
    }
    Outcome put_fd(const std::string& key, int fd, const Put& how = {}) {
        Items items;
        Call call;
        Status status;
        with_request(key, how, [&](const syncline_put_req& req) {
            status = endpoint.put_fd(call.get(), req, fd, items.get());
        });
        return outcome(status, items);
    }
    Outcome set_meta(const std::string& key, const Put& how) {
        Items items;
        Call call;
        Status status;
        with_request(key, how, [&](const syncline_put_req& req) {
            status = endpoint.set_meta(call.get(), req, items.get());
        });
        return outcome(status, items);
    }
    Outcome stat(const std::string& key) {
        Items items;
        Call call;
        const Status status = endpoint.stat(call.get(), key, items.get());
        return outcome(status, items);
    }
    Outcome get(const std::string& key, Bytes& bytes, const std::string& if_version = {},
                std::uint64_t offset = 0, std::uint64_t length = SYNCLINE_LENGTH_ALL) {
        Call call;
        syncline_get_req req{};
        req.struct_size = sizeof req;
        req.key = syncline::fs::bytes_of(key);
        req.if_version = syncline::fs::bytes_of(if_version);
        req.offset = offset;
        req.length = length;
        const Status status = endpoint.get(call.get(), req, bytes.get());
        return outcome(status, Items());
    }
    Outcome remove(const std::string& key, std::uint32_t condition = SYNCLINE_COND_ALWAYS,
                   const std::string& expected = {}) {
        Call call;
        syncline_remove_req req{};
        req.struct_size = sizeof req;
        req.condition = condition;
        req.key = syncline::fs::bytes_of(key);
        req.expected_version = syncline::fs::bytes_of(expected);
        const Status status = endpoint.remove(call.get(), req);
        return outcome(status, Items());
    }
    Outcome rename(const std::string& from, const std::string& to,
                   std::uint32_t condition = SYNCLINE_COND_IF_ABSENT,
                   const std::string& from_version = {}, const std::string& to_version = {}) {
        Items items;
        Call call;
        syncline_rename_req req{};
        req.struct_size = sizeof req;
        req.condition = condition;
        req.from_key = syncline::fs::bytes_of(from);
        req.from_version = syncline::fs::bytes_of(from_version);
        req.to_key = syncline::fs::bytes_of(to);
        req.to_version = syncline::fs::bytes_of(to_version);
        const Status status = endpoint.rename(call.get(), req, items.get());
        return outcome(status, items);
    }
    // One page.
    Outcome list_page(Items& items, std::uint32_t max_items = UINT32_MAX,
                      const std::string& cursor = {}, const std::string& prefix = {},
                      std::uint32_t flags = 0, const std::string& start_after = {}) {
        Call call(flags);
        return list_page(call, items, max_items, cursor, prefix, start_after);
    }
    Outcome list_page(Call& call, Items& items, std::uint32_t max_items, const std::string& cursor,
                      const std::string& prefix, const std::string& start_after) {
        syncline_list_req req{};
        req.struct_size = sizeof req;
        req.max_items = max_items;
        req.cursor = syncline::fs::bytes_of(cursor);
        req.prefix = syncline::fs::bytes_of(prefix);
        req.start_after = syncline::fs::bytes_of(start_after);
        const Status status = endpoint.list(call.get(), req, items.get());
        return outcome(status, Items());
    }
    std::vector<Seen> list(const std::string& prefix = {}, std::uint32_t flags = 0) {
        Items items;
        const Outcome out = list_page(items, UINT32_MAX, {}, prefix, flags);
        if (out.code != SYNCLINE_OK) {
            throw std::runtime_error("list: " + out.message);
        }
        return items.all;
    }
    std::vector<std::string> keys(const std::string& prefix = {}, std::uint32_t flags = 0) {
        std::vector<std::string> out;
        for (const Seen& item : list(prefix, flags)) {
            out.push_back(item.key);
        }
        return out;
    }

    Endpoint endpoint;

private:
    template <typename Body>
    void with_request(const std::string& key, const Put& how, Body&& body) {
        const std::string_view executable = SYNCLINE_META_EXECUTABLE;
        const std::string_view access = SYNCLINE_META_ACCESS;
        const std::uint8_t one[] = {'1'};
        std::vector<syncline_kv> meta;
        if (how.executable == 1) {
            meta.push_back({{executable.data(), executable.size()}, {one, 1}});
        }
        if (!how.access.empty()) {
            meta.push_back({{access.data(), access.size()}, syncline::fs::bytes_of(how.access)});
        }
        syncline_item item{};
        item.struct_size = sizeof item;
        item.kind = how.kind;
        item.fields = SYNCLINE_ITEM_MTIME;
        item.mtime_ns = how.mtime_ns;
        if (how.announced != SYNCLINE_SIZE_UNKNOWN) {
            item.fields |= SYNCLINE_ITEM_SIZE;
            item.size = how.announced;
        }
        if (how.executable >= 0 || !meta.empty()) {
            item.fields |= SYNCLINE_ITEM_META;
            item.meta = {meta.data(), meta.size()};
        }
        syncline_put_req req{};
        req.struct_size = sizeof req;
        req.condition = how.condition;
        req.key = syncline::fs::bytes_of(key);
        req.expected_version = syncline::fs::bytes_of(how.expected);
        req.item = &item;
        body(req);
    }
};

} // namespace fstest
