// A plan as a file: written by one command, read, reviewed and shortened by a person, carried out
// by another. One JSON document a line: the first says which sync the plan is for and what it was
// made from, each other one is one operation. Deleting lines leaves a valid plan; every line but
// the first may go.
//
// The file comes back as untrusted input. Every line carries a check, made with a key that only the
// state directory knows, so a line that was changed, made up, or taken from another plan is refused
// with its number. Blanks and the order of fields do not matter, which lets JSON tools filter a
// plan.
//
// Memory does not depend on the plan's length. Threads: one.
#pragma once

#include "syncline/core/status.hpp"
#include "syncline/reconcile/rules.hpp"
#include "syncline/state/plan_store.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace syncline {

struct PlanHeader {
    std::string id;                   // 32 hex digits; unique
    std::int64_t created_wall_ns = 0; // when
    std::string sync_name;            // the sync's identity
    std::string source;               // as SyncSpec takes it, wherever it is read
    std::string target;
    Bytes source_scope; // which places answered there (ConnectorInfo::scope_id)
    Bytes target_scope;
    Mode mode = Mode::two_way;
    Bytes marker; // Rules::marker
    bool first_run = false;
    std::array<std::uint64_t, 2> listed{};
};

// Writes beside the file and gives it its name when all is written, so there is never half a plan.
class PlanFileWriter {
public:
    // Does not replace a file that is no plan.
    static Result<std::unique_ptr<PlanFileWriter>> create(const std::filesystem::path& file,
                                                          const PlanHeader& header, Bytes key);
    ~PlanFileWriter(); // without finish(): nothing is left
    PlanFileWriter(const PlanFileWriter&) = delete;
    PlanFileWriter& operator=(const PlanFileWriter&) = delete;

    Status add(const PlannedOp& op);
    Status finish();

private:
    PlanFileWriter(std::filesystem::path file, std::string id, Bytes key);
    Status write_line(std::string line);
    Status failed(int error) const;

    std::filesystem::path file_;
    std::filesystem::path fresh_;
    std::string id_;
    Bytes key_;
    std::FILE* out_ = nullptr;
};

// Code::invalid_config, naming the file and the line, for whatever is not as it was written.
class PlanFileReader {
public:
    // Reads the first line. Without a key nothing is known yet about whether it is genuine.
    static Result<std::unique_ptr<PlanFileReader>> open(const std::filesystem::path& file);
    ~PlanFileReader();
    PlanFileReader(const PlanFileReader&) = delete;
    PlanFileReader& operator=(const PlanFileReader&) = delete;

    const PlanHeader& header() const { return header_; }
    // Before the first next(): is this a plan that the holder of the key wrote?
    Status check(Bytes key);
    // The next operation, or false at the end. op.id is its number in the plan as it was written.
    Result<bool> next(PlannedOp& op);

private:
    PlanFileReader(std::filesystem::path file, std::FILE* in);
    Result<bool> read_line();
    Status wrong(const std::string& what) const;

    std::filesystem::path file_;
    std::FILE* in_;
    std::string line_;
    std::uint64_t line_number_ = 0;
    std::string header_line_;
    PlanHeader header_;
    Bytes key_;
    std::int64_t last_id_ = 0;
};

} // namespace syncline
