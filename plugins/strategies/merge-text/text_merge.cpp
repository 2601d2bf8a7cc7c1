#include "text_merge.hpp"

#include <syncline/sdk/error.hpp>

#include <algorithm>
#include <git2.h>
#include <string_view>
#include <vector>

namespace syncline::strategies {
namespace {

/// The library counts its users; the last one frees what it keeps.
class LibraryUse {
public:
    LibraryUse() {
        if (git_libgit2_init() < 0) {
            throw sdk::Error(SYNCLINE_E_INTERNAL, "libgit2 cannot be used");
        }
    }
    ~LibraryUse() { git_libgit2_shutdown(); }
    LibraryUse(const LibraryUse&) = delete;
    LibraryUse& operator=(const LibraryUse&) = delete;
};

class MergeResult {
public:
    MergeResult() = default;
    ~MergeResult() { git_merge_file_result_free(&raw_); }
    MergeResult(const MergeResult&) = delete;
    MergeResult& operator=(const MergeResult&) = delete;
    git_merge_file_result* raw() { return &raw_; }
    bool clean() const { return raw_.automergeable != 0; }
    std::string_view text() const { return {raw_.ptr == nullptr ? "" : raw_.ptr, raw_.len}; }

private:
    git_merge_file_result raw_{};
};

class Patch {
public:
    Patch() = default;
    ~Patch() { git_patch_free(raw_); }
    Patch(const Patch&) = delete;
    Patch& operator=(const Patch&) = delete;
    git_patch** out() { return &raw_; }
    git_patch* raw() const { return raw_; }

private:
    git_patch* raw_ = nullptr;
};

void check(int result) {
    if (result != 0) {
        const git_error* error = git_error_last();
        throw sdk::Error(SYNCLINE_E_INTERNAL,
                         std::string("cannot merge: ") +
                             (error != nullptr ? error->message : "libgit2 does not say why"));
    }
}

git_merge_file_input input_of(std::string_view text) {
    git_merge_file_input input{};
    git_merge_file_input_init(&input, GIT_MERGE_FILE_INPUT_VERSION);
    input.ptr = text.data() == nullptr ? "" : text.data();
    input.size = text.size();
    return input;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end);
    }
    return lines;
}

/// `first` with each line that only `second` has; where they differ, those of `first` stand first.
/// libgit2 can do this while it merges, but takes places that are a few lines apart for one then,
/// and what stands between them, which nobody changed, comes twice.
std::string with_lines_of_both(std::string_view first, std::string_view second) {
    git_diff_options options{};
    git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
    options.context_lines = 0;
    options.flags = GIT_DIFF_FORCE_TEXT;
    Patch patch;
    check(git_patch_from_buffers(patch.out(), first.data(), first.size(), nullptr, second.data(),
                                 second.size(), nullptr, &options));
    const std::vector<std::string_view> of_first = lines_of(first);
    const std::vector<std::string_view> of_second = lines_of(second);
    std::string out;
    std::size_t written = 0; // lines of `first`
    const auto write_first = [&](std::size_t end) {
        for (; written < end; ++written) {
            out += of_first[written];
        }
    };
    for (std::size_t i = 0; i < git_patch_num_hunks(patch.raw()); ++i) {
        const git_diff_hunk* hunk = nullptr;
        check(git_patch_get_hunk(&hunk, nullptr, patch.raw(), i));
        // Lines count from 1; a place without lines is named by the one before it.
        const auto start = [](int line, int count) {
            return static_cast<std::size_t>(count == 0 ? line : line - 1);
        };
        write_first(start(hunk->old_start, hunk->old_lines) +
                    static_cast<std::size_t>(hunk->old_lines));
        const std::size_t begin = start(hunk->new_start, hunk->new_lines);
        const std::size_t end = begin + static_cast<std::size_t>(hunk->new_lines);
        if (begin != end && !out.empty() && out.back() != '\n') {
            out += out.find("\r\n") != std::string::npos ? "\r\n" : "\n";
        }
        for (std::size_t line = begin; line < end; ++line) {
            out += of_second[line];
        }
    }
    write_first(of_first.size());
    return out;
}

} // namespace

bool is_text(std::string_view bytes) { return bytes.find('\0') == std::string_view::npos; }

TextMerge merge_text(std::string_view base, std::string_view source, std::string_view target,
                     Overlap overlap, const std::string& source_label,
                     const std::string& target_label) {
    TextMerge out;
    if (!is_text(base) || !is_text(source) || !is_text(target)) {
        out.why = "this is no text (it holds NUL bytes)";
        return out;
    }
    const LibraryUse library;
    const git_merge_file_input ancestor = input_of(base);
    const git_merge_file_input ours = input_of(source);
    const git_merge_file_input theirs = input_of(target);
    const auto merge = [&](MergeResult& result, git_merge_file_favor_t favor) {
        git_merge_file_options options{};
        git_merge_file_options_init(&options, GIT_MERGE_FILE_OPTIONS_VERSION);
        options.our_label = source_label.c_str();
        options.their_label = target_label.c_str();
        options.flags = GIT_MERGE_FILE_STYLE_MERGE;
        options.favor = favor;
        check(git_merge_file(result.raw(), &ancestor, &ours, &theirs, &options));
    };
    MergeResult result;
    merge(result, overlap == Overlap::source   ? GIT_MERGE_FILE_FAVOR_OURS
                  : overlap == Overlap::target ? GIT_MERGE_FILE_FAVOR_THEIRS
                                               : GIT_MERGE_FILE_FAVOR_NORMAL);
    out.clean = result.clean();
    if (!out.clean && overlap == Overlap::decline) {
        out.why = "both sides changed the same lines";
        return out;
    }
    out.merged = true;
    if (!out.clean && overlap == Overlap::both) {
        MergeResult of_source;
        MergeResult of_target;
        merge(of_source, GIT_MERGE_FILE_FAVOR_OURS);
        merge(of_target, GIT_MERGE_FILE_FAVOR_THEIRS);
        out.text = with_lines_of_both(of_source.text(), of_target.text());
    } else {
        out.text = result.text();
    }
    return out;
}

} // namespace syncline::strategies
