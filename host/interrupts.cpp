#include "interrupts.hpp"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <string_view>
#include <unistd.h>

namespace syncline::host {

namespace {

sigset_t watched_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1); // ours: the program is done
    return set;
}

void say(std::string_view text) { (void)!::write(STDERR_FILENO, text.data(), text.size()); }

} // namespace

Interrupts::Interrupts(const Clock& clock) : ComponentBase("signals", clock) {
    const sigset_t set = watched_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN); // a reader that went away is an error of the write
    ::signal(SIGXFSZ, SIG_IGN); // so is a file that may not grow
}

Interrupts::~Interrupts() { (void)Interrupts::stop(kNoDeadline); }

Status Interrupts::on_start(const std::stop_token&) {
    leaving_.store(false);
    watcher_ = std::thread([this] { watch(); });
    return {};
}

Status Interrupts::on_stop(std::int64_t) {
    if (watcher_.joinable()) {
        leaving_.store(true);
        pthread_kill(watcher_.native_handle(), SIGUSR1);
        watcher_.join();
    }
    return {};
}

int Interrupts::exit_code() const { return first_signal_.load() == SIGTERM ? 143 : 130; }

void Interrupts::watch() {
    const sigset_t set = watched_signals();
    int count = 0;
    while (true) {
        int signal = 0;
        if (count < 2) {
            signal = sigwaitinfo(&set, nullptr);
        } else {
            const timespec patience{10, 0};
            signal = sigtimedwait(&set, nullptr, &patience);
            if (signal < 0 && errno == EAGAIN) {
                signal = SIGINT;
            }
        }
        if (leaving_.load()) {
            return;
        }
        if (signal == SIGHUP) {
            signal = SIGTERM; // the terminal is gone, and with it who could press Ctrl-C
        }
        if (signal != SIGINT && signal != SIGTERM) {
            continue;
        }
        switch (++count) {
        case 1:
            first_signal_.store(signal);
            say("\nsyncline: finishing what is under way; press Ctrl-C again to stop at once\n");
            drain_.request_stop();
            break;
        case 2:
            say("\nsyncline: stopping\n");
            stop_.request_stop();
            break;
        default:
            say("\nsyncline: left without waiting; the next run goes on from here\n");
            ::_exit(exit_code());
        }
    }
}

} // namespace syncline::host
