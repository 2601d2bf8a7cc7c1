// A directory tree as the worlds see it: what is on disk, read and changed without the engine.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace worlds {

enum class Kind { file, link, directory };

struct Node {
    Kind kind = Kind::file;
    std::string data; // a file's content, a link's target
    std::int64_t mtime_ns = 0;
};

inline bool same(const Node& a, const Node& b) { return a.kind == b.kind && a.data == b.data; }

// By path: segments with '/' between them, none at the end. What is above a node is in it, too.
using Tree = std::map<std::string, Node>;

// Whether `path` is `at` or below it; everything is below "".
bool within(std::string_view path, std::string_view at);
std::string parent_of(const std::string& path); // "" at the top
std::set<std::string> children_of(const Tree& tree, const std::string& path);
void erase(Tree& tree, const std::string& path);
// What is at `path` in `from` replaces what is there in `to`.
void copy(const Tree& from, Tree& to, const std::string& path);

Tree read_tree(const std::string& root);
std::string differences(const Tree& actual, const Tree& wanted); // empty: none; times do not count
std::set<std::string> contents(const Tree& tree);
std::string show(std::string_view bytes);

// What a person does to one side. Whatever is in the way gives way.
void write_file(const std::string& root, const std::string& path, const std::string& data,
                std::int64_t mtime_ns);
void write_link(const std::string& root, const std::string& path, const std::string& target,
                std::int64_t mtime_ns);
void make_directory(const std::string& root, const std::string& path);
void remove(const std::string& root, const std::string& path);
void touch(const std::string& root, const std::string& path, std::int64_t mtime_ns);
bool rename(const std::string& root, const std::string& from, const std::string& to);

} // namespace worlds
