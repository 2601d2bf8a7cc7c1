#include "syncline/core/log.hpp"

#include "syncline/core/clock.hpp"
#include "syncline/core/item.hpp"
#include "syncline/core/text.hpp"

#include <algorithm>
#include <atomic>
#include <boost/core/null_deleter.hpp>
#include <boost/log/attributes/function.hpp>
#include <boost/log/core.hpp>
#include <boost/log/expressions.hpp>
#include <boost/log/sinks/sync_frontend.hpp>
#include <boost/log/sinks/text_ostream_backend.hpp>
#include <boost/log/sources/record_ostream.hpp>
#include <boost/log/sources/severity_logger.hpp>
#include <boost/log/utility/exception_handler.hpp>
#include <boost/make_shared.hpp>
#include <boost/smart_ptr/shared_ptr.hpp>
#include <fstream>
#include <iostream>
#include <mutex>

namespace syncline {
namespace {

namespace bl = boost::log;
using Sink = bl::sinks::synchronous_sink<bl::sinks::text_ostream_backend>;

constexpr LogLevel kFileLevel = LogLevel::debug;

const char* label(LogLevel level) {
    switch (level) {
    case LogLevel::trace:
        return "trace  ";
    case LogLevel::debug:
        return "debug  ";
    case LogLevel::info:
        return "info   ";
    case LogLevel::warning:
        return "warning";
    case LogLevel::error:
        return "error  ";
    }
    return "error  ";
}

boost::shared_ptr<Sink> make_sink(const boost::shared_ptr<std::ostream>& stream, LogLevel level) {
    const auto backend = boost::make_shared<bl::sinks::text_ostream_backend>();
    backend->add_stream(stream);
    backend->auto_flush(true);
    auto sink = boost::make_shared<Sink>(backend);
    sink->set_filter([level](const bl::attribute_value_set& values) {
        const auto severity = values["Severity"].extract<LogLevel>();
        return severity && *severity >= level;
    });
    sink->set_formatter([](const bl::record_view& record, bl::formatting_ostream& out) {
        const auto wall_ns = record["Time"].extract<std::int64_t>();
        const auto severity = record["Severity"].extract<LogLevel>();
        const auto message = record["Message"].extract<std::string>();
        out << display_time(wall_ns ? *wall_ns : kUnknownTime) << ' '
            << label(severity ? *severity : LogLevel::error) << ' ';
        if (message) {
            out << *message;
        }
    });
    return sink;
}

class Logging {
public:
    Logging() {
        const auto core = bl::core::get();
        // A log that cannot be written must not end what it reports on.
        core->set_exception_handler(bl::make_exception_suppressor());
        core->add_global_attribute(
            "Time", bl::attributes::make_function([] { return system_clock().wall_ns(); }));
        use(LogLevel::warning, nullptr);
    }

    bool init(const LogOptions& options) {
        boost::shared_ptr<std::ostream> file;
        if (!options.file.empty()) {
            const auto opened =
                boost::make_shared<std::ofstream>(options.file, std::ios::app | std::ios::binary);
            if (!opened->is_open()) {
                return false;
            }
            file = opened;
        }
        use(options.console_level, file);
        return true;
    }

    bool enabled(LogLevel level) const { return level >= least_.load(std::memory_order_relaxed); }

    void write(LogLevel level, const std::string& line) {
        // The logger's own lock and the sinks' make this safe from any thread.
        BOOST_LOG_SEV(logger_, level) << line;
    }

private:
    void use(LogLevel console_level, const boost::shared_ptr<std::ostream>& file) {
        const std::lock_guard lock(mutex_);
        const auto core = bl::core::get();
        const auto console = make_sink(
            boost::shared_ptr<std::ostream>(&std::cerr, boost::null_deleter()), console_level);
        const boost::shared_ptr<Sink> to_file = file ? make_sink(file, kFileLevel) : nullptr;
        core->add_sink(console);
        if (to_file) {
            core->add_sink(to_file);
        }
        for (const auto& old : {console_, file_}) {
            if (old) {
                core->remove_sink(old);
            }
        }
        console_ = console;
        file_ = to_file;
        least_.store(file_ ? std::min(console_level, kFileLevel) : console_level,
                     std::memory_order_relaxed);
    }

    std::mutex mutex_;
    boost::shared_ptr<Sink> console_;
    boost::shared_ptr<Sink> file_;
    std::atomic<LogLevel> least_{LogLevel::warning};
    bl::sources::severity_logger_mt<LogLevel> logger_;
};

Logging& logging() {
    // Never destroyed: destructors of static objects may still log.
    static Logging& instance = *new Logging;
    return instance;
}

} // namespace

bool init_logging(const LogOptions& options) { return logging().init(options); }

bool log_enabled(LogLevel level) { return logging().enabled(level); }

void log(LogLevel level, std::string_view part, std::string_view message) {
    if (!log_enabled(level)) {
        return;
    }
    std::string line(part);
    line += ": ";
    line += message;
    logging().write(level, display_line(line));
}

} // namespace syncline
