#include "progress_line.hpp"

#include "syncline/core/text.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace syncline::host {

namespace {

constexpr double kWorkOfItem = 64 * 1024; // bytes that take as long as all the rest of an item
constexpr double kMemoryS = 8;            // what is longer ago hardly counts
constexpr std::int64_t kTellAfterNs = 2'000'000'000;
constexpr double kToleratedShare = 0.15;
constexpr double kToleratedS = 2;
constexpr double kLongestS = 1e7; // more is no estimate

double work_of(std::uint64_t ops, std::uint64_t bytes) {
    return static_cast<double>(ops) * kWorkOfItem + static_cast<double>(bytes);
}

std::uint64_t missing(std::uint64_t planned, std::uint64_t done) {
    return planned > done ? planned - done : 0; // retries can make more of `done`
}

struct Field {
    std::string text;
    int importance; // the least goes first
};

} // namespace

void Pace::see(const ProgressSnapshot& now, std::int64_t mono_ns) {
    if (now.phase != RunPhase::executing) {
        return;
    }
    if (began_ns_ == 0) {
        began_ns_ = mono_ns;
        seen_ns_ = mono_ns;
        before_ = now;
        return;
    }
    const double seconds = static_cast<double>(mono_ns - seen_ns_) / 1e9;
    if (seconds <= 0) {
        return;
    }
    // The first moments weigh as much as they last, so that the first of them does not rule alone.
    const double since_s = static_cast<double>(mono_ns - began_ns_) / 1e9;
    const double weight = std::max(1 - std::exp(-seconds / kMemoryS), seconds / since_s);
    const auto smooth = [weight, seconds](double& rate, double done) {
        const double current = done / seconds;
        rate = rate < 0 ? current : rate + weight * (current - rate);
    };
    const std::uint64_t ops = missing(now.ops_done, before_.ops_done);
    const std::uint64_t bytes = missing(now.bytes_done, before_.bytes_done);
    smooth(work_per_s_, work_of(ops, bytes));
    smooth(bytes_per_s_, static_cast<double>(bytes));
    seen_ns_ = mono_ns;
    before_ = now;

    left_s_ = std::max(left_s_ - seconds, left_s_ < 0 ? -1.0 : 0.0);
    const double work_left =
        work_of(missing(now.ops_planned, now.ops_done), missing(now.bytes_planned, now.bytes_done));
    if (mono_ns - began_ns_ < kTellAfterNs || work_per_s_ <= 0) {
        left_s_ = -1;
        return;
    }
    const double estimate = work_left / work_per_s_;
    if (left_s_ < 0 ||
        std::abs(estimate - left_s_) > std::max(kToleratedS, kToleratedShare * left_s_)) {
        left_s_ = estimate;
    }
}

std::optional<std::uint64_t> Pace::bytes_per_s() const {
    return bytes_per_s_ < 0 ? std::nullopt
                            : std::optional(static_cast<std::uint64_t>(bytes_per_s_));
}

std::optional<std::int64_t> Pace::seconds_left() const {
    if (left_s_ < 0 || left_s_ > kLongestS) {
        return std::nullopt;
    }
    // No finer than it can be known.
    const std::int64_t step = left_s_ < 60 ? 1 : left_s_ < 600 ? 5 : 60;
    return static_cast<std::int64_t>(std::ceil(left_s_ / static_cast<double>(step))) * step;
}

std::string progress_line(const ProgressSnapshot& s, const Pace& pace, std::size_t width) {
    std::vector<Field> fields{{std::string(name_of(s.phase)), 100}};
    const auto add = [&fields](int importance, std::string text) {
        fields.push_back({"  " + std::move(text), importance});
    };
    if (s.phase == RunPhase::listing || s.phase == RunPhase::planning) {
        add(90, std::to_string(s.items_listed) + " items listed");
        if (s.items_compared > 0) {
            add(30, std::to_string(s.items_compared) + " compared");
        }
    }
    if (s.phase == RunPhase::executing || s.phase == RunPhase::committing) {
        add(90, std::to_string(s.ops_done) + "/" + std::to_string(s.ops_planned) + " items");
        add(60, display_size(s.bytes_done) + " of " + display_size(s.bytes_planned));
        if (const auto rate = pace.bytes_per_s()) {
            add(40, display_size(*rate) + "/s");
        }
        if (const auto left = pace.seconds_left()) {
            const std::string time =
                *left < 60 ? std::to_string(*left) + " s" : display_duration_ms(*left * 1000);
            add(80, "ETA " + time);
        }
    }
    if (s.queue_depth > 0) {
        add(10, std::to_string(s.queue_depth) + " queued");
    }
    if (s.retries > 0) {
        add(20, std::to_string(s.retries) + (s.retries == 1 ? " retry" : " retries"));
    }
    if (s.waiting_for_quota > 0) {
        add(50, "waiting for quota");
    }
    if (s.breakers_open > 0) {
        add(75, "circuit open");
    }
    if (s.errors > 0) {
        add(70, display_count(s.errors, "error"));
    }
    std::size_t length = 0;
    for (const Field& field : fields) {
        length += field.text.size();
    }
    while (length > width && fields.size() > 1) {
        const auto least =
            std::min_element(fields.begin(), fields.end(), [](const Field& a, const Field& b) {
                return a.importance < b.importance;
            });
        length -= least->text.size();
        fields.erase(least);
    }
    std::string line;
    for (const Field& field : fields) {
        line += field.text;
    }
    return line.substr(0, width);
}

} // namespace syncline::host
