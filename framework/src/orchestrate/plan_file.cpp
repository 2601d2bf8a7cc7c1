#include "syncline/orchestrate/plan_file.hpp"

#include "orchestrate/plan_line.hpp"
#include "syncline/core/failpoint.hpp"
#include "syncline/core/hash.hpp"
#include "syncline/core/text.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace syncline {

namespace {

using nlohmann::json;

constexpr std::uint64_t kFormat = 1;
constexpr std::size_t kMostLineBytes = std::size_t{1} << 20U;
constexpr std::size_t kCheckDigits = 32; // 128 bits
constexpr const char* kFirstField = "syncline_plan";

std::string quoted(const std::filesystem::path& file) {
    return "'" + display_key(file.native()) + "'";
}

// The text that a line's check is made of: its fields without the check, in the order of their
// names.
std::string check_of(const json& line, BytesView plan_id, BytesView key) {
    Bytes content(plan_id);
    content += '\n';
    content += line.dump();
    return to_hex(hmac_sha256(key, content)).substr(0, kCheckDigits);
}

std::string closed_line(json line, BytesView plan_id, BytesView key) {
    line["check"] = check_of(line, plan_id, key);
    return line.dump();
}

} // namespace

// ---- writing ----

PlanFileWriter::PlanFileWriter(std::filesystem::path file, std::string id, Bytes key)
    : file_(std::move(file)), fresh_(file_.native() + ".new." + std::to_string(::getpid())),
      id_(std::move(id)), key_(std::move(key)) {}

PlanFileWriter::~PlanFileWriter() {
    if (out_ != nullptr) {
        std::fclose(out_);
        ::unlink(fresh_.c_str());
    }
}

Status PlanFileWriter::failed(int error) const {
    return Status(error == ENOSPC || error == EDQUOT ? Code::quota_exceeded : Code::invalid_config,
                  "cannot write the plan " + quoted(file_) + ": " + std::strerror(error) +
                      "; choose another place with --out");
}

Result<std::unique_ptr<PlanFileWriter>>
PlanFileWriter::create(const std::filesystem::path& file, const PlanHeader& header, Bytes key) {
    std::unique_ptr<PlanFileWriter> writer(new PlanFileWriter(file, header.id, std::move(key)));
    struct stat found {};
    if (::stat(file.c_str(), &found) == 0) {
        // A slip of the hand must not cost a file.
        const bool is_plan = S_ISREG(found.st_mode) && PlanFileReader::open(file).ok();
        if (!is_plan && (found.st_size > 0 || !S_ISREG(found.st_mode))) {
            return Status(Code::invalid_config,
                          quoted(file) + " is there and is no plan, so it is not replaced; "
                                         "choose another place with --out");
        }
    }
    const int descriptor =
        ::open(writer->fresh_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    writer->out_ = descriptor < 0 ? nullptr : ::fdopen(descriptor, "w");
    if (writer->out_ == nullptr) {
        const int error = errno;
        if (descriptor >= 0) {
            ::close(descriptor);
            ::unlink(writer->fresh_.c_str());
        }
        return writer->failed(error);
    }
    json line = header_json(header);
    line[kFirstField] = kFormat;
    SYNCLINE_TRY(writer->write_line(closed_line(std::move(line), header.id, writer->key_)));
    return writer;
}

Status PlanFileWriter::write_line(std::string line) {
    if (line.size() > kMostLineBytes) {
        return Status(Code::too_large, "an operation is too large for a plan file: " +
                                           display_key(BytesView(line).substr(0, 200)));
    }
    line += '\n';
    errno = 0;
    return std::fwrite(line.data(), 1, line.size(), out_) == line.size() ? Status() : failed(errno);
}

Status PlanFileWriter::add(const PlannedOp& op) {
    return write_line(closed_line(op_json(op), id_, key_));
}

Status PlanFileWriter::finish() {
    errno = 0;
    const bool written = std::fflush(out_) == 0 && ::fsync(::fileno(out_)) == 0;
    int error = written ? 0 : errno;
    if (std::fclose(std::exchange(out_, nullptr)) != 0 && error == 0) {
        error = errno;
    }
    SYNCLINE_FAILPOINT("plan.before-rename");
    if (error == 0 && ::rename(fresh_.c_str(), file_.c_str()) != 0) {
        error = errno;
    }
    SYNCLINE_FAILPOINT("plan.after-rename");
    if (error != 0) {
        ::unlink(fresh_.c_str());
        return failed(error);
    }
    return {};
}

// ---- reading ----

PlanFileReader::PlanFileReader(std::filesystem::path file, std::FILE* in)
    : file_(std::move(file)), in_(in) {}

PlanFileReader::~PlanFileReader() { std::fclose(in_); }

Status PlanFileReader::wrong(const std::string& what) const {
    return Status(Code::invalid_config,
                  display_key(file_.native()) + ":" + std::to_string(line_number_) + ": " + what);
}

Result<std::unique_ptr<PlanFileReader>> PlanFileReader::open(const std::filesystem::path& file) {
    const auto unusable = [&](const std::string& why) {
        return Status(Code::invalid_config, "cannot read the plan " + quoted(file) + ": " + why);
    };
    struct stat found {};
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return unusable(std::strerror(errno));
    }
    if (::fstat(descriptor, &found) != 0 || !S_ISREG(found.st_mode)) {
        ::close(descriptor);
        return unusable("it is no regular file");
    }
    std::FILE* in = ::fdopen(descriptor, "r");
    if (in == nullptr) {
        const int error = errno;
        ::close(descriptor);
        return unusable(std::strerror(error));
    }
    std::unique_ptr<PlanFileReader> reader(new PlanFileReader(file, in));
    Result<bool> there = reader->read_line();
    if (!there.ok()) {
        return there.status();
    }
    const auto no_plan = [&] {
        return Status(Code::invalid_config,
                      quoted(file) + " is no plan of Syncline: its first line should be the one "
                                     "that 'syncline plan --out' wrote");
    };
    if (!*there) {
        return no_plan();
    }
    json line = json::parse(reader->line_, nullptr, false);
    const auto format = line.is_object() ? line.find(kFirstField) : line.end();
    if (!line.is_object() || format == line.end() || !format->is_number_unsigned()) {
        return no_plan();
    }
    if (*format != kFormat) {
        return Status(Code::invalid_config, quoted(file) + " is a plan of format " +
                                                format->dump() +
                                                ", and this version reads format " +
                                                std::to_string(kFormat) + "; make the plan anew");
    }
    line.erase(format);
    line.erase("check");
    Result<PlanHeader> header = header_of(std::move(line));
    if (!header.ok()) {
        return reader->wrong(header.status().message());
    }
    reader->header_ = *std::move(header);
    reader->header_line_ = reader->line_;
    return reader;
}

Status PlanFileReader::check(Bytes key) {
    key_ = std::move(key);
    json line = json::parse(header_line_, nullptr, false);
    const json given = line.contains("check") ? line["check"] : json();
    line.erase("check");
    if (given != check_of(line, header_.id, key_)) {
        return Status(Code::invalid_config,
                      display_key(file_.native()) +
                          ":1: this line was changed, or the plan was made with another state "
                          "directory (--state); make the plan anew");
    }
    return {};
}

Result<bool> PlanFileReader::read_line() {
    line_.clear();
    ++line_number_;
    for (int c = ::getc_unlocked(in_); c != '\n'; c = ::getc_unlocked(in_)) {
        if (c == EOF) {
            if (std::ferror(in_) != 0) {
                return wrong(std::string("cannot be read: ") + std::strerror(errno));
            }
            return !line_.empty();
        }
        if (line_.size() >= kMostLineBytes) {
            return wrong("longer than any line of a plan");
        }
        line_ += static_cast<char>(c);
    }
    return true;
}

Result<bool> PlanFileReader::next(PlannedOp& op) {
    do {
        const Result<bool> there = read_line();
        if (!there.ok() || !*there) {
            return there;
        }
    } while (line_.find_first_not_of(" \t\r") == std::string::npos);
    json line = json::parse(line_, nullptr, false);
    if (!line.is_object()) {
        return wrong("no JSON object; whole lines may be deleted, but not changed");
    }
    const json given = line.contains("check") ? line["check"] : json();
    line.erase("check");
    Result<PlannedOp> read = op_of(line);
    if (!read.ok()) {
        return wrong(read.status().message());
    }
    if (given != check_of(line, header_.id, key_)) {
        return wrong("was changed, or is of another plan; lines may be deleted, but not changed or "
                     "added");
    }
    if (read->id <= last_id_) {
        return wrong("out of order or there twice; lines may be deleted, but not moved or copied");
    }
    op = *std::move(read);
    last_id_ = op.id;
    return true;
}

} // namespace syncline
