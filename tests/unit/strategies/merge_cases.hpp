// The tables of merges in cases/: each says what becomes of a base and two sides.
#pragma once

#include "syncline/core/text.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace syncline::test {

inline nlohmann::json merge_cases(const std::string& name) {
    std::ifstream file(std::string(SYNCLINE_MERGE_CASES) + "/" + name);
    nlohmann::json cases = nlohmann::json::parse(file, nullptr, false);
    BOOST_REQUIRE(cases.is_array() && !cases.empty());
    return cases;
}

// A text of a case, which may be given in base64.
inline std::string text_of(const nlohmann::json& one, const std::string& name) {
    if (one.contains(name)) {
        return one[name].get<std::string>();
    }
    const auto decoded = from_base64(one.at(name + "_b64").get<std::string>());
    BOOST_REQUIRE(decoded.has_value());
    return *decoded;
}

inline bool has(const nlohmann::json& one, const std::string& name) {
    return one.contains(name) || one.contains(name + "_b64");
}

} // namespace syncline::test
