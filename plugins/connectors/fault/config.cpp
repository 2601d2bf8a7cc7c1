#include "config.hpp"

#include <random>

namespace syncline::fault {

const char* const kConfigSchema = R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "url": {"type": "string"},
    "seed": {
      "type": "integer",
      "description": "the same seed strikes the same calls; without one each run draws its own, which its errors name"
    },
    "probability": {
      "type": "number", "minimum": 0, "maximum": 1,
      "description": "share of the matching calls that is struck; default 0.1, or 1 where numbers of calls are given"
    },
    "op": {
      "type": "array", "items": {"type": "string"},
      "description": "only these operations: info, check, list, stat, get, open_body, put, put_fd, remove, rename, set_meta, flush; get and put mean every way of reading and writing content (repeatable)"
    },
    "key": {
      "type": "array", "items": {"type": "string"},
      "description": "only calls on these keys: a glob such as *.txt or /docs/** (repeatable)"
    },
    "nth": {
      "type": "array", "items": {"type": "integer", "minimum": 1},
      "description": "only the nth matching call (repeatable)"
    },
    "every": {"type": "integer", "minimum": 1, "description": "only every so many-th matching call"},
    "from_call": {"type": "integer", "minimum": 1, "description": "not before this matching call"},
    "until_call": {"type": "integer", "minimum": 1, "description": "not after this matching call: down, then recovered"},
    "times": {"type": "integer", "minimum": 1, "description": "at most so many strikes"},
    "per_key": {
      "type": "boolean",
      "description": "nth, every, from_call, until_call and times count each operation on each key apart"
    },
    "status": {
      "type": "array", "items": {"type": "string"},
      "description": "what a struck call fails with: a status code by name, such as RATE_LIMITED or io; one of them if repeated; default UNAVAILABLE, unless another effect is given"
    },
    "delay_ms": {"type": "integer", "minimum": 0, "maximum": 3600000, "description": "wait before a struck call"},
    "hang": {"type": "boolean", "description": "a struck call ends when it is cancelled or its deadline passes, not before"},
    "short_body": {
      "type": "boolean",
      "description": "what a struck get, put or list carries breaks off half way, with the status (default IO)"
    },
    "lost_ack": {
      "type": "boolean",
      "description": "a struck write happens, then its answer is lost: the status (default OUTCOME_UNKNOWN)"
    },
    "retry_after_ms": {"type": "integer", "minimum": 0, "description": "the errors ask to be left alone for so long"},
    "rules": {
      "type": "array", "items": {"type": "object"},
      "description": "several rules in JSON, each with the settings above but seed; the first that strikes a call wins (repeatable)"
    }
  }
})json";

namespace {

constexpr double kDefaultProbability = 0.1;
constexpr std::int64_t kMaxDelayMs = 3'600'000;

std::uint64_t number_at_least(const sdk::json::Config& config, const char* name, std::int64_t least,
                              std::uint64_t fallback) {
    if (!config.has(name)) {
        return fallback;
    }
    const std::int64_t number = config.integer(name);
    if (number < least) {
        throw config.invalid(name, "a whole number of at least " + std::to_string(least));
    }
    return static_cast<std::uint64_t>(number);
}

std::set<std::uint64_t> numbers(const sdk::json::Config& config, const char* name) {
    std::set<std::uint64_t> out;
    if (!config.has(name)) {
        return out;
    }
    const sdk::json::Array* items = config.value().find(name)->array();
    if (items == nullptr) {
        throw config.invalid(name, "a list of whole numbers");
    }
    for (const sdk::json::Value& item : *items) {
        if (item.integer() == nullptr || *item.integer() < 1) {
            throw config.invalid(name, "a list of whole numbers of at least 1");
        }
        out.insert(static_cast<std::uint64_t>(*item.integer()));
    }
    return out;
}

Ops read_ops(const sdk::json::Config& config, Ops possible, const char* why) {
    Ops ops = 0;
    for (const std::string& name : config.strings("op")) {
        const std::optional<Ops> named = ops_named(name);
        if (!named) {
            throw config.invalid("op", "some of " + op_names() + ", not '" + name + "'");
        }
        if ((*named & possible) == 0) {
            throw config.invalid("op",
                                 std::string("an operation that ") + why + ", not '" + name + "'");
        }
        ops |= *named;
    }
    return (ops == 0 ? kAllOps : ops) & possible;
}

Rule read_rule(const sdk::json::Config& config) {
    Rule rule;
    rule.hang = config.boolean("hang", false);
    rule.short_body = config.boolean("short_body", false);
    rule.lost_ack = config.boolean("lost_ack", false);
    if (rule.hang + rule.short_body + rule.lost_ack > 1) {
        throw config.invalid("hang", "alone: of hang, short_body and lost_ack one call has one");
    }
    rule.ops = rule.lost_ack     ? read_ops(config, kWrites, "writes, since lost_ack is given")
               : rule.short_body ? read_ops(config, kStreams, "short_body can cut (get, put, list)")
                                 : read_ops(config, kAllOps, "");
    rule.keys = config.strings("key");
    rule.nth = numbers(config, "nth");
    rule.every = number_at_least(config, "every", 1, 1);
    rule.from_call = number_at_least(config, "from_call", 1, 1);
    rule.until_call = number_at_least(config, "until_call", 1, UINT64_MAX);
    rule.times = number_at_least(config, "times", 1, UINT64_MAX);
    rule.per_key = config.boolean("per_key", false);
    if (rule.until_call < rule.from_call) {
        throw config.invalid("until_call", "no less than from_call");
    }
    const bool numbered = config.has("nth") || config.has("every") || config.has("from_call") ||
                          config.has("until_call");
    rule.probability = config.number("probability", numbered ? 1 : kDefaultProbability);
    if (!(rule.probability >= 0 && rule.probability <= 1)) {
        throw config.invalid("probability", "a number from 0 to 1");
    }
    for (const std::string& name : config.strings("status")) {
        const std::optional<syncline_status> status = status_named(name);
        if (!status) {
            throw config.invalid("status", "some of " + status_names() + ", not '" + name + "'");
        }
        rule.statuses.push_back(*status);
    }
    rule.delay_ms = static_cast<std::int64_t>(number_at_least(config, "delay_ms", 0, 0));
    if (rule.delay_ms > kMaxDelayMs) {
        throw config.invalid("delay_ms", "a number of milliseconds from 0 to 3600000");
    }
    if (config.has("retry_after_ms")) {
        rule.retry_after_ms =
            static_cast<std::int64_t>(number_at_least(config, "retry_after_ms", 0, 0));
    }
    const bool has_effect = rule.hang || rule.short_body || rule.lost_ack || config.has("delay_ms");
    if (rule.statuses.empty() && !has_effect) {
        rule.statuses.push_back(SYNCLINE_E_UNAVAILABLE);
    }
    return rule;
}

} // namespace

Settings read_config(const sdk::json::Config& config) {
    Settings settings;
    if (config.has("seed")) {
        settings.seed = static_cast<std::uint64_t>(config.integer("seed"));
    } else {
        // Small enough to be typed again.
        settings.seed = std::random_device()() % 1'000'000;
    }
    if (!config.has("rules")) {
        config.only({"url", "seed", "probability", "op", "key", "nth", "every", "from_call",
                     "until_call", "times", "per_key", "status", "delay_ms", "hang", "short_body",
                     "lost_ack", "retry_after_ms"});
        settings.rules.push_back(read_rule(config));
        return settings;
    }
    for (const sdk::json::Member& member : *config.value().object()) {
        if (member.name != "url" && member.name != "seed" && member.name != "rules") {
            throw config.invalid(member.name, "inside one of the rules, since rules are given");
        }
    }
    const sdk::json::Array* rules = config.value().find("rules")->array();
    if (rules == nullptr) {
        throw config.invalid("rules", "a list of rules");
    }
    for (const sdk::json::Value& value : *rules) {
        const sdk::json::Config rule(value, config.path() + "/rules/" +
                                                std::to_string(settings.rules.size()));
        rule.only({"probability", "op", "key", "nth", "every", "from_call", "until_call", "times",
                   "per_key", "status", "delay_ms", "hang", "short_body", "lost_ack",
                   "retry_after_ms"});
        settings.rules.push_back(read_rule(rule));
    }
    return settings;
}

} // namespace syncline::fault
