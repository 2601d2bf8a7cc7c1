#include "fields.hpp"

#include <cmath>
#include <utility>

namespace trace {
namespace {

constexpr double kMaxMs = 4e12;

// As it stands in the file, shortened; only the kind of what may be deeply nested.
std::string shown(const nlohmann::json& value) {
    if (value.is_structured()) {
        return value.is_array() ? "an array" : "an object";
    }
    return value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace).substr(0, 60);
}

} // namespace

Fields::Fields(const nlohmann::json& object, std::string where)
    : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) {
        fail("must be an object");
    }
}

void Fields::fail(const std::string& what) const { throw Malformed(where_ + ": " + what); }

bool Fields::has(const std::string& key) const { return object_.contains(key); }

const nlohmann::json& Fields::any(const std::string& key) {
    asked_.insert(key);
    const auto found = object_.find(key);
    if (found == object_.end()) {
        fail("'" + key + "' is missing");
    }
    return *found;
}

std::string Fields::text(const std::string& key) {
    const nlohmann::json& value = any(key);
    if (!value.is_string()) {
        fail("'" + key + "' must be a string, not " + shown(value));
    }
    return value.get<std::string>();
}

bool Fields::flag(const std::string& key) {
    const nlohmann::json& value = any(key);
    if (!value.is_boolean()) {
        fail("'" + key + "' must be true or false, not " + shown(value));
    }
    return value.get<bool>();
}

double Fields::number(const std::string& key) {
    const nlohmann::json& value = any(key);
    if (!value.is_number() || !std::isfinite(value.get<double>())) {
        fail("'" + key + "' must be a number, not " + shown(value));
    }
    return value.get<double>();
}

std::int64_t Fields::integer(const std::string& key) {
    const double value = number(key);
    if (value != std::floor(value) || std::fabs(value) > 9e18) {
        fail("'" + key + "' must be a whole number, not " + shown(any(key)));
    }
    // Not through the double where it is not needed: large ones would lose digits.
    const nlohmann::json& raw = any(key);
    return raw.is_number_integer() ? raw.get<std::int64_t>() : static_cast<std::int64_t>(value);
}

std::int64_t Fields::ms(const std::string& key) {
    const double value = number(key);
    if (value < 0 || value > kMaxMs) {
        fail("'" + key + "' must be from 0 to 4e12 milliseconds, not " + shown(any(key)));
    }
    const nlohmann::json& raw = any(key);
    return raw.is_number_integer() ? raw.get<std::int64_t>() * 1'000'000
                                   : std::llround(value * 1e6);
}

std::int64_t Fields::ms_or(const std::string& key, std::int64_t otherwise_ns) {
    return has(key) ? ms(key) : otherwise_ns;
}

std::uint32_t Fields::count_or(const std::string& key, std::uint32_t otherwise) {
    if (!has(key)) {
        return otherwise;
    }
    const std::int64_t value = integer(key);
    if (value < 0 || value > UINT32_MAX) {
        fail("'" + key + "' must be from 0 to 4294967295, not " + shown(any(key)));
    }
    return static_cast<std::uint32_t>(value);
}

double Fields::percent_or(const std::string& key, double otherwise) {
    if (!has(key)) {
        return otherwise;
    }
    const double value = number(key);
    if (value < 0 || value > 100) {
        fail("'" + key + "' must be from 0 to 100, not " + shown(any(key)));
    }
    return value;
}

void Fields::finish() const {
    for (const auto& item : object_.items()) {
        if (!asked_.contains(item.key())) {
            fail("unknown key '" + item.key() + "'");
        }
    }
}

} // namespace trace
