#include "tree.hpp"

#include <algorithm>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

namespace worlds {

namespace fs = std::filesystem;

bool within(std::string_view path, std::string_view at) {
    return at.empty() || path == at ||
           (path.size() > at.size() && path.substr(0, at.size()) == at && path[at.size()] == '/');
}

std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::set<std::string> children_of(const Tree& tree, const std::string& path) {
    std::set<std::string> found;
    for (const auto& [key, unused] : tree) {
        if (key != path && parent_of(key) == path) {
            found.insert(key);
        }
    }
    return found;
}

void erase(Tree& tree, const std::string& path) {
    std::erase_if(tree, [&](const auto& entry) { return within(entry.first, path); });
}

void copy(const Tree& from, Tree& to, const std::string& path) {
    erase(to, path);
    for (const auto& [key, node] : from) {
        if (within(key, path)) {
            to[key] = node;
        }
    }
}

Tree read_tree(const std::string& root) {
    Tree tree;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
        struct stat state {};
        if (::lstat(entry.path().c_str(), &state) != 0) {
            continue;
        }
        Node node;
        node.mtime_ns = state.st_mtim.tv_sec * 1'000'000'000 + state.st_mtim.tv_nsec;
        if (S_ISDIR(state.st_mode)) {
            node.kind = Kind::directory;
        } else if (S_ISLNK(state.st_mode)) {
            node.kind = Kind::link;
            node.data = fs::read_symlink(entry.path()).native();
        } else {
            std::ifstream in(entry.path(), std::ios::binary);
            node.data.assign(std::istreambuf_iterator<char>(in), {});
        }
        tree[entry.path().native().substr(root.size() + 1)] = std::move(node);
    }
    return tree;
}

std::string show(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes.substr(0, 40)) {
        const auto value = static_cast<unsigned char>(byte);
        char hex[8];
        std::snprintf(hex, sizeof hex, "\\x%02x", value);
        text += value >= 0x20 && value < 0x7f ? std::string(1, byte) : std::string(hex);
    }
    return bytes.size() > 40 ? text + "... (" + std::to_string(bytes.size()) + ")" : text;
}

namespace {

std::string describe(const Tree& tree, const std::string& path) {
    const auto found = tree.find(path);
    if (found == tree.end()) {
        return "nothing";
    }
    const Node& node = found->second;
    return node.kind == Kind::directory
               ? "a directory"
               : (node.kind == Kind::link ? "a link to '" : "a file '") + show(node.data) + "'";
}

// What show() leaves out of long contents.
std::string first_difference(const std::string& actual, const std::string& wanted) {
    const auto at = static_cast<std::size_t>(
        std::mismatch(actual.begin(), actual.end(), wanted.begin(), wanted.end()).first -
        actual.begin());
    return "        from byte " + std::to_string(at) + ": '" + show(actual.substr(at)) +
           "', expected '" + show(wanted.substr(at)) + "'\n";
}

} // namespace

std::string differences(const Tree& actual, const Tree& wanted) {
    std::set<std::string> paths;
    for (const Tree* tree : {&actual, &wanted}) {
        for (const auto& [path, unused] : *tree) {
            paths.insert(path);
        }
    }
    std::string text;
    for (const std::string& path : paths) {
        const auto a = actual.find(path);
        const auto b = wanted.find(path);
        if (a == actual.end() || b == wanted.end() || !same(a->second, b->second)) {
            text += "    " + show(path) + " is " + describe(actual, path) + ", expected " +
                    describe(wanted, path) + "\n";
            if (a != actual.end() && b != wanted.end() && a->second.kind == b->second.kind) {
                text += first_difference(a->second.data, b->second.data);
            }
        }
    }
    return text;
}

std::set<std::string> contents(const Tree& tree) {
    std::set<std::string> all;
    for (const auto& [unused, node] : tree) {
        if (node.kind != Kind::directory) {
            all.insert(node.data);
        }
    }
    return all;
}

namespace {

void make_parents(const std::string& root, const std::string& path) {
    for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
        const std::string above = root + "/" + path.substr(0, at);
        struct stat state {};
        if (::lstat(above.c_str(), &state) == 0 && !S_ISDIR(state.st_mode)) {
            ::unlink(above.c_str());
        }
        ::mkdir(above.c_str(), 0777);
    }
}

void set_mtime(const std::string& file, std::int64_t mtime_ns) {
    const timespec times[2] = {{0, UTIME_OMIT},
                               {mtime_ns / 1'000'000'000, mtime_ns % 1'000'000'000}};
    ::utimensat(AT_FDCWD, file.c_str(), times, AT_SYMLINK_NOFOLLOW);
}

} // namespace

void write_file(const std::string& root, const std::string& path, const std::string& data,
                std::int64_t mtime_ns) {
    const std::string file = root + "/" + path;
    struct stat state {};
    if (::lstat(file.c_str(), &state) == 0 && !S_ISREG(state.st_mode)) {
        remove(root, path);
    }
    make_parents(root, path);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << data;
    set_mtime(file, mtime_ns);
}

void write_link(const std::string& root, const std::string& path, const std::string& target,
                std::int64_t mtime_ns) {
    remove(root, path);
    make_parents(root, path);
    if (::symlink(target.c_str(), (root + "/" + path).c_str()) == 0) {
        set_mtime(root + "/" + path, mtime_ns);
    }
}

void make_directory(const std::string& root, const std::string& path) {
    make_parents(root, path + "/x");
}

void remove(const std::string& root, const std::string& path) {
    std::error_code ignored;
    fs::remove_all(root + "/" + path, ignored);
}

void touch(const std::string& root, const std::string& path, std::int64_t mtime_ns) {
    struct stat state {};
    if (::lstat((root + "/" + path).c_str(), &state) == 0 && S_ISREG(state.st_mode)) {
        set_mtime(root + "/" + path, mtime_ns);
    }
}

bool rename(const std::string& root, const std::string& from, const std::string& to) {
    struct stat state {};
    if (within(to, from) || within(from, to) || ::lstat((root + "/" + from).c_str(), &state) != 0) {
        return false;
    }
    remove(root, to);
    make_parents(root, to);
    // `from` may have been below what just gave way.
    return ::rename((root + "/" + from).c_str(), (root + "/" + to).c_str()) == 0;
}

} // namespace worlds
