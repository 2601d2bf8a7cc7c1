// syncline-trace FILE...: plays traces of circuit breakers and rate limiters and compares what was
// seen with what was expected. Prints each step that differs. Exits 0 if none does, 1 if some do, 2
// if a trace cannot be understood. The format: docs/design/circuit-breaker.md, rate-limiter.md.
#include "subject.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

namespace trace {
namespace {

using nlohmann::json;

// Times are told in milliseconds and kept in nanoseconds; a trace may round them to microseconds.
constexpr double kMsTolerance = 1e-3;
constexpr double kTokenTolerance = 1e-6 + 1e-12;

struct Totals {
    std::size_t traces = 0;
    std::size_t steps = 0;
    std::size_t differences = 0;
    std::size_t malformed = 0;
};

struct Expectable {
    const char* name;
    json::value_t type;
};
constexpr std::array kExpectable = {Expectable{"admitted", json::value_t::boolean},
                                    Expectable{"reject", json::value_t::string},
                                    Expectable{"state", json::value_t::string},
                                    Expectable{"retry_after_ms", json::value_t::number_float},
                                    Expectable{"ok", json::value_t::boolean},
                                    Expectable{"wait_ms", json::value_t::number_float},
                                    Expectable{"tokens", json::value_t::number_float}};

bool is_one_of(const std::string& word, std::initializer_list<const char*> words) {
    for (const char* candidate : words) {
        if (word == candidate) {
            return true;
        }
    }
    return false;
}

void check_word(Fields& expect, const std::string& name) {
    const std::string word = expect.text(name);
    const bool known = name == "reject"
                           ? is_one_of(word, {"open", "too-many"})
                           : is_one_of(word, {"closed", "open", "half-open", "forced-open",
                                              "disabled", "metrics-only"});
    if (!known) {
        expect.fail("unknown " + name + " '" + word + "'");
    }
}

bool same(const std::string& name, const json& expected, const json& got) {
    if (expected.is_number() && got.is_number()) {
        const double tolerance = name == "tokens" ? kTokenTolerance : kMsTolerance;
        return std::fabs(expected.get<double>() - got.get<double>()) <= tolerance;
    }
    return expected == got;
}

void compare(const std::string& where, double at_ms, const std::string& event, const json& expected,
             const json& seen, Totals& totals) {
    Fields expect(expected, where + ": expect");
    for (const auto& [name, type] : kExpectable) {
        if (!expect.has(name)) {
            continue;
        }
        const json& value = expect.any(name);
        if (!seen.contains(name)) {
            expect.fail("'" + std::string(name) + "' cannot be expected of '" + event + "'");
        }
        if (type == json::value_t::boolean) {
            expect.flag(name);
        } else if (type == json::value_t::number_float) {
            expect.number(name);
        } else if (!value.is_null() || std::string(name) != "reject") {
            check_word(expect, name);
        }
        if (!same(name, value, seen.at(name))) {
            ++totals.differences;
            std::cout << where << " at " << json(at_ms).dump() << " ms (" << event << "): " << name
                      << ": expected " << value.dump() << ", got " << seen.at(name).dump() << "\n";
        }
    }
    expect.finish();
}

void play(const json& document, const std::string& file, Totals& totals) {
    Fields fields(document, file);
    const std::string id = fields.text("id");
    const std::string where = file + ": " + json(id).dump();
    const std::string kind = fields.text("kind");
    Fields config(fields.any("config"), where + ": config");
    const json& steps = fields.any("steps");
    fields.finish();
    if (!steps.is_array()) {
        fields.fail("'steps' must be an array");
    }
    TraceClock clock;
    std::unique_ptr<Subject> subject;
    if (kind == "breaker") {
        subject = make_breaker(config, clock);
    } else if (kind == "rate_limiter") {
        subject = make_limiter(config, clock);
    } else {
        fields.fail("unknown kind '" + kind + "'");
    }
    config.finish();

    ++totals.traces;
    std::size_t number = 0;
    for (const json& document_step : steps) {
        const std::string step_where = where + ": step " + std::to_string(++number);
        Fields step(document_step, step_where);
        const std::int64_t at = step.ms("at_ms");
        if (at < clock.mono_ns()) {
            step.fail("'at_ms' goes back");
        }
        const std::string event = step.text("event");
        static const json kNothing = json::object();
        const json& expected = step.has("expect") ? step.any("expect") : kNothing;
        clock.set(at);
        const json seen = subject->play(event, step);
        step.finish();
        compare(step_where, step.number("at_ms"), event, expected, seen, totals);
        ++totals.steps;
    }
}

json read(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in || in.peek() == std::ifstream::traits_type::eof()) {
        throw Malformed(file + ": cannot be read, or is empty");
    }
    std::ostringstream content;
    content << in.rdbuf();
    try {
        return json::parse(content.str());
    } catch (const json::exception& error) {
        throw Malformed(file + ": " + error.what());
    }
}

void play_guarded(const json& document, const std::string& file, Totals& totals) {
    try {
        play(document, file, totals);
    } catch (const Malformed& error) {
        ++totals.malformed;
        std::cerr << "malformed: " << error.what() << "\n";
    }
}

void play_file(const std::string& file, Totals& totals) {
    json document;
    try {
        document = read(file);
    } catch (const Malformed& error) {
        ++totals.malformed;
        std::cerr << "malformed: " << error.what() << "\n";
        return;
    }
    if (!document.is_array()) {
        play_guarded(document, file, totals);
        return;
    }
    std::size_t number = 0;
    for (const json& element : document) {
        play_guarded(element, file + "[" + std::to_string(number++) + "]", totals);
    }
}

} // namespace
} // namespace trace

int main(int argc, char** argv) try {
    if (argc < 2) {
        std::cerr << "usage: syncline-trace FILE...\n";
        return 2;
    }
    trace::Totals totals;
    for (int i = 1; i < argc; ++i) {
        trace::play_file(argv[i], totals);
    }
    std::cout << totals.traces << " traces, " << totals.steps << " steps, " << totals.differences
              << " differences, " << totals.malformed << " malformed\n";
    if (totals.malformed != 0) {
        return 2;
    }
    return totals.differences == 0 ? 0 : 1;
} catch (const std::exception& error) {
    std::fprintf(stderr, "syncline-trace: %s\n", error.what());
    return 2;
}
