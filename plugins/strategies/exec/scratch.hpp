/// A private directory for one run of a program: 0700, gone with the object.
#ifndef SYNCLINE_STRATEGIES_EXEC_SCRATCH_HPP
#define SYNCLINE_STRATEGIES_EXEC_SCRATCH_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace syncline::strategies {

/// Errors are sdk::Error with the path and what the system said. Threads: one at a time.
class Scratch {
public:
    Scratch(); ///< below $TMPDIR, else /tmp
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    const std::string& path() const { return path_; }
    std::string path_of(std::string_view name) const { return path_ + "/" + std::string(name); }
    /// 0600.
    void write(std::string_view name, std::string_view bytes) const;
    /// Nothing if there is no plain file of that name; throws TOO_LARGE beyond `limit`. Links are
    /// not followed.
    std::optional<std::string> read(std::string_view name, std::size_t limit) const;

private:
    std::string path_;
};

} // namespace syncline::strategies

#endif
