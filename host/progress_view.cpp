#include "progress_view.hpp"

#include "syncline/core/text.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <sys/ioctl.h>
#include <unistd.h>

namespace syncline::host {

namespace {

constexpr std::int64_t kRedrawNs = 100'000'000;
constexpr std::int64_t kQuotaLineNs = 5'000'000'000;
constexpr const char* kClearLine = "\r\x1b[K";
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

ProgressView::ProgressView(ProgressHub& hub, const Clock& clock, bool on_terminal)
    : ComponentBase("progress view", clock), hub_(hub), clock_(clock), on_terminal_(on_terminal) {}

ProgressView::~ProgressView() { (void)stop(kNoDeadline); }

Status ProgressView::on_start(const std::stop_token&) {
    subscription_ = hub_.subscribe_all({.snapshot_every_ns = kRedrawNs});
    watcher_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
    return {};
}

Status ProgressView::on_stop(std::int64_t) {
    watcher_.request_stop();
    if (watcher_.joinable()) {
        watcher_.join();
    }
    subscription_.reset();
    return {};
}

void ProgressView::watch(const std::stop_token& stop) {
    while (std::optional<ProgressMessage> message = subscription_->next(stop)) {
        if (const auto* snapshot = std::get_if<ProgressSnapshot>(&message->what)) {
            draw(*snapshot);
        } else if (const auto* event =
                       std::get_if<std::shared_ptr<const RunEvent>>(&message->what)) {
            tell(**event);
        }
    }
    if (drawn_) {
        std::cerr << kClearLine << std::flush;
        drawn_ = false;
    }
}

void ProgressView::draw(const ProgressSnapshot& now) {
    const std::int64_t now_ns = clock_.mono_ns();
    const double seconds =
        static_cast<double>(std::max<std::int64_t>(now_ns - before_ns_, 1)) / 1e9;
    const auto smooth = [seconds](double& rate, std::uint64_t from, std::uint64_t to) {
        const double current = static_cast<double>(to - from) / seconds;
        rate = rate < 0 ? current : rate + kSmoothing * (current - rate);
    };
    if (now.phase == RunPhase::executing && before_ns_ != 0) {
        smooth(bytes_per_s_, before_.bytes_done, now.bytes_done);
        smooth(ops_per_s_, before_.ops_done, now.ops_done);
    }
    before_ = now;
    before_ns_ = now_ns;
    if (on_terminal_) {
        std::string line = progress_line(now, bytes_per_s_, ops_per_s_);
        line.resize(std::min(line.size(), terminal_width() - 1));
        std::cerr << kClearLine << line << std::flush;
        drawn_ = true;
    }
}

void ProgressView::tell(const RunEvent& event) {
    std::string text;
    if (event.kind == RunEventKind::breaker_changed) {
        text = display_key(event.subject) + ": circuit breaker " + event.text;
    } else if (event.kind == RunEventKind::quota_wait) {
        // Waits follow each other closely; one line in a while will do.
        const std::int64_t now_ns = clock_.mono_ns();
        if (told_quota_ns_ != 0 && now_ns - told_quota_ns_ < kQuotaLineNs) {
            return;
        }
        told_quota_ns_ = now_ns;
        text = display_key(event.subject) + ": " + event.text;
    } else {
        return;
    }
    std::cerr << (drawn_ ? kClearLine : "") << "syncline: " << text << '\n' << std::flush;
    drawn_ = false;
}

} // namespace syncline::host
