#include "syncline/pool/task.hpp"

#include "syncline/core/log.hpp"

#include <exception>
#include <string>

namespace syncline::pool_detail {

Status status_of_current_exception() noexcept {
    try {
        throw;
    } catch (const std::exception& error) {
        return Status(Code::internal,
                      std::string("a task ended with an exception: ") + error.what());
    } catch (...) {
        return Status(Code::internal, "a task ended with an unknown exception");
    }
}

void log_throwing_completion() noexcept {
    log(LogLevel::error, "pool",
        "a completion callback threw; " + status_of_current_exception().message());
}

} // namespace syncline::pool_detail
