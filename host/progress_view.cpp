#include "progress_view.hpp"

#include "syncline/core/text.hpp"

#include <cstdlib>
#include <iostream>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace syncline::host {

namespace {

constexpr std::int64_t kRedrawNs = 100'000'000;
constexpr std::int64_t kQuotaLineNs = 5'000'000'000;
constexpr const char* kClearLine = "\r\x1b[K";

std::size_t terminal_width() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

} // namespace

bool ProgressView::can_draw() {
    const char* terminal = std::getenv("TERM");
    return ::isatty(STDERR_FILENO) == 1 && terminal != nullptr && *terminal != '\0' &&
           std::string_view(terminal) != "dumb";
}

ProgressView::ProgressView(ProgressHub& hub, const Clock& clock, bool draws)
    : ComponentBase("progress view", clock), hub_(hub), clock_(clock), draws_(draws) {}

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
    pace_.see(now, clock_.mono_ns());
    if (draws_) {
        // The last column stays free: some terminals go to the next line there.
        std::cerr << kClearLine << progress_line(now, pace_, terminal_width() - 1) << std::flush;
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
