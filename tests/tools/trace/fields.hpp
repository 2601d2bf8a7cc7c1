// Reads the objects of a trace strictly: every key is asked for, of the right type and in range, or
// the trace is malformed and the message says where.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>

namespace trace {

struct Malformed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Fields {
public:
    // `object` must outlive it.
    Fields(const nlohmann::json& object, std::string where);

    bool has(const std::string& key) const;
    const nlohmann::json& any(const std::string& key); // required
    std::string text(const std::string& key);          // required
    bool flag(const std::string& key);                 // required
    double number(const std::string& key);             // required
    std::int64_t integer(const std::string& key);      // required
    // A time in milliseconds, not negative, as nanoseconds. Fractions are rounded to nanoseconds.
    std::int64_t ms(const std::string& key); // required
    std::int64_t ms_or(const std::string& key, std::int64_t otherwise_ns);
    std::uint32_t count_or(const std::string& key, std::uint32_t otherwise);
    double percent_or(const std::string& key, double otherwise);
    // An error if any key has not been asked for.
    void finish() const;

    [[noreturn]] void fail(const std::string& what) const;
    const std::string& where() const { return where_; }

private:
    const nlohmann::json& object_;
    std::string where_;
    std::set<std::string> asked_;
};

} // namespace trace
