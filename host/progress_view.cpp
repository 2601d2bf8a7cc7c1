#include "progress_view.hpp"

#include "syncline/core/text.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <sys/ioctl.h>
#include <unistd.h>

namespace syncline::host {

namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr double kSmoothing = 0.2; // weight of the newest tenth of a second in the shown rate

std::size_t terminal_width() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

} // namespace

std::string progress_line(const ProgressSnapshot& s, double bytes_per_s, double ops_per_s) {
    std::string line(name_of(s.phase));
    if (s.phase == RunPhase::listing || s.phase == RunPhase::planning) {
        line += "  " + std::to_string(s.items_listed) + " items listed";
        if (s.items_compared > 0) {
            line += ", " + std::to_string(s.items_compared) + " compared";
        }
    }
    if (s.phase == RunPhase::executing || s.phase == RunPhase::committing) {
        line += "  " + std::to_string(s.ops_done) + "/" + std::to_string(s.ops_planned) +
                " items  " + display_size(s.bytes_done) + " of " + display_size(s.bytes_planned);
        if (bytes_per_s >= 0) {
            line += "  " + display_size(static_cast<std::uint64_t>(bytes_per_s)) + "/s";
        }
        // By whichever is the bottleneck: many small items, or few large ones.
        double left = -1;
        if (ops_per_s > 0 && s.ops_planned > s.ops_done) {
            left = static_cast<double>(s.ops_planned - s.ops_done) / ops_per_s;
        }
        if (bytes_per_s > 0 && s.bytes_planned > s.bytes_done) {
            left =
                std::max(left, static_cast<double>(s.bytes_planned - s.bytes_done) / bytes_per_s);
        }
        if (left >= 0 && left < 1e7) {
            line += "  ETA " + display_duration_ms(std::llround(std::ceil(left)) * 1000);
        }
    }
    if (s.queue_depth > 0) {
        line += "  " + std::to_string(s.queue_depth) + " queued";
    }
    if (s.retries > 0) {
        line += "  " + std::to_string(s.retries) + (s.retries == 1 ? " retry" : " retries");
    }
    if (s.waiting_for_quota > 0) {
        line += "  waiting for quota";
    }
    if (s.breakers_open > 0) {
        line += "  circuit open";
    }
    if (s.errors > 0) {
        line += "  " + display_count(s.errors, "error");
    }
    return line;
}

ProgressView::ProgressView(const RunProgress& progress, const Clock& clock, bool enabled)
    : progress_(progress), clock_(clock) {
    if (enabled) {
        drawer_ = std::thread([this] { draw_until_closed(); });
    }
}

ProgressView::~ProgressView() { close(); }

void ProgressView::close() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    closing_.notify_all();
    if (drawer_.joinable()) {
        drawer_.join();
        std::cerr << "\r\x1b[K" << std::flush;
    }
}

void ProgressView::draw_until_closed() {
    double bytes_per_s = -1;
    double ops_per_s = -1;
    ProgressSnapshot before = progress_.snapshot();
    std::int64_t before_ns = clock_.mono_ns();
    std::unique_lock lock(mutex_);
    while (!closing_.wait_for(lock, kRedraw, [this] { return closed_; })) {
        const ProgressSnapshot now = progress_.snapshot();
        const std::int64_t now_ns = clock_.mono_ns();
        const double seconds =
            static_cast<double>(std::max<std::int64_t>(now_ns - before_ns, 1)) / 1e9;
        const auto smooth = [seconds](double& rate, std::uint64_t from, std::uint64_t to) {
            const double current = static_cast<double>(to - from) / seconds;
            rate = rate < 0 ? current : rate + kSmoothing * (current - rate);
        };
        if (now.phase == RunPhase::executing) {
            smooth(bytes_per_s, before.bytes_done, now.bytes_done);
            smooth(ops_per_s, before.ops_done, now.ops_done);
        }
        before = now;
        before_ns = now_ns;
        std::string line = progress_line(now, bytes_per_s, ops_per_s);
        line.resize(std::min(line.size(), terminal_width() - 1));
        std::cerr << "\r\x1b[K" << line << std::flush;
    }
}

} // namespace syncline::host
