#include "text_merge.hpp"

#include <syncline/sdk/error.hpp>

#include <git2.h>

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

git_merge_file_input input_of(std::string_view text) {
    git_merge_file_input input = GIT_MERGE_FILE_INPUT_INIT;
    input.ptr = text.data() == nullptr ? "" : text.data();
    input.size = text.size();
    return input;
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
    git_merge_file_options options = GIT_MERGE_FILE_OPTIONS_INIT;
    options.our_label = source_label.c_str();
    options.their_label = target_label.c_str();
    options.flags = GIT_MERGE_FILE_STYLE_MERGE;
    switch (overlap) {
    case Overlap::decline:
    case Overlap::markers:
        options.favor = GIT_MERGE_FILE_FAVOR_NORMAL;
        break;
    case Overlap::source:
        options.favor = GIT_MERGE_FILE_FAVOR_OURS;
        break;
    case Overlap::target:
        options.favor = GIT_MERGE_FILE_FAVOR_THEIRS;
        break;
    case Overlap::both:
        options.favor = GIT_MERGE_FILE_FAVOR_UNION;
        break;
    }
    MergeResult result;
    if (git_merge_file(result.raw(), &ancestor, &ours, &theirs, &options) != 0) {
        const git_error* error = git_error_last();
        throw sdk::Error(SYNCLINE_E_INTERNAL,
                         std::string("cannot merge: ") +
                             (error != nullptr ? error->message : "libgit2 does not say why"));
    }
    out.clean = result.clean();
    if (!out.clean && overlap == Overlap::decline) {
        out.why = "both sides changed the same lines";
        return out;
    }
    out.merged = true;
    out.text = result.text();
    return out;
}

} // namespace syncline::strategies
