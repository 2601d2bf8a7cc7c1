#include "syncline/orchestrate/verify.hpp"

#include "orchestrate/session.hpp"
#include "reconcile/row_join.hpp"
#include "reconcile/unknown_tracker.hpp"
#include "syncline/core/meta.hpp"
#include "syncline/core/text.hpp"
#include "syncline/endpoint/content_hash_of.hpp"
#include "syncline/pool/task_group.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace syncline {

namespace {

// Rows that are read together, and how many of them one task reads.
constexpr std::size_t kWindowRows = 512;
constexpr std::size_t kTaskRows = 8;

struct NoBaseCursor final : BaseCursor {
    Result<bool> next(BaseEntryView&) override { return false; }
};

struct VerifiedRow {
    Bytes key;
    std::optional<BaseEntry> base;
    std::array<std::optional<Item>, 2> items;
    bool unknown = false;
    bool reads = false; // contents are compared
    std::array<Status, 2> status;
    std::array<Bytes, 2> hash;
};

class Verification {
public:
    Verification(const RunServices& services, const VerifySpec& spec, Session& session,
                 const std::function<void(const Difference&)>& show, VerifyReport& report,
                 const CallContext& call)
        : services_(services), spec_(spec), session_(session), show_(show), report_(report),
          call_(call) {}

    Status run() {
        Result<std::shared_ptr<PoolLane>> lane =
            services_.pool.open_lane(session_.name(), std::max<std::size_t>(spec_.workers, 1));
        if (!lane.ok()) {
            return lane.status();
        }
        lane_ = *std::move(lane);
        TaskGroup tasks(services_.pool, lane_.get());
        services_.progress.enter(RunPhase::listing);
        Result<std::unique_ptr<ItemStream>> source = session_.at(Side::source).list(call_);
        if (!source.ok()) {
            return source.status();
        }
        Result<std::unique_ptr<ItemStream>> target = session_.at(Side::target).list(call_);
        if (!target.ok()) {
            return target.status();
        }
        std::unique_ptr<BaseCursor> base = std::make_unique<NoBaseCursor>();
        if (session_.has_state()) {
            Result<std::unique_ptr<BaseCursor>> scan = session_.state().base().scan();
            if (!scan.ok()) {
                return scan.status();
            }
            base = *std::move(scan);
        }
        RowJoin join(**source, **target, *base);
        Row row;
        for (;;) {
            const Result<bool> more = join.next(row);
            if (!more.ok()) {
                return more.status();
            }
            if (call_.stop.stop_requested()) {
                return {Code::cancelled, "interrupted; nothing was changed"};
            }
            if (!*more) {
                return settle(tasks);
            }
            take(row);
            if (window_.size() >= kWindowRows) {
                SYNCLINE_TRY(settle(tasks));
            }
        }
    }

private:
    void take(const Row& row) {
        const bool source_unknown = unknown_[0].is_unknown(row.key, row.source);
        const bool target_unknown = unknown_[1].is_unknown(row.key, row.target);
        if (spec_.rules.filter.excluded(row.key)) {
            return;
        }
        VerifiedRow& taken = window_.emplace_back();
        taken.key = row.key;
        taken.unknown = source_unknown || target_unknown;
        if (row.base != nullptr) {
            taken.base = to_entry(*row.base);
            report_.has_base = true;
        }
        if (row.source != nullptr) {
            taken.items[0] = to_item(*row.source);
        }
        if (row.target != nullptr) {
            taken.items[1] = to_item(*row.target);
        }
        taken.reads = !taken.unknown && taken.items[0] && taken.items[1] &&
                      taken.items[0]->kind == taken.items[1]->kind &&
                      taken.items[0]->kind != ItemKind::container;
    }

    // Reads what waits, then tells of it in order.
    Status settle(TaskGroup& tasks) {
        Status submitted;
        for (std::size_t first = 0; first < window_.size() && submitted.ok(); first += kTaskRows) {
            const std::size_t last = std::min(first + kTaskRows, window_.size());
            submitted = tasks.submit(
                [this, first, last] {
                    for (std::size_t i = first; i < last; ++i) {
                        read(window_[i]);
                    }
                },
                call_.stop);
        }
        const Status done = tasks.wait();
        SYNCLINE_TRY(submitted);
        SYNCLINE_TRY(done);
        for (const VerifiedRow& row : window_) {
            judge(row);
        }
        window_.clear();
        return {};
    }

    void read(VerifiedRow& row) const {
        if (!row.reads) {
            return;
        }
        for (const Side side : {Side::source, Side::target}) {
            const auto index = static_cast<std::size_t>(side);
            Result<HashedItem> hashed = hash_item(session_.at(side), call_, row.key);
            row.status[index] = hashed.status();
            if (hashed.ok()) {
                row.hash[index] = std::move(hashed->hash);
                row.items[index]->size = hashed->item.size;
            }
        }
        services_.progress.compared();
    }

    void judge(const VerifiedRow& row) {
        ++report_.items;
        const auto& [source, target] = row.items;
        if (row.unknown) {
            return tell(row, DifferenceKind::unread, "cannot be read or is of an unknown kind");
        }
        if (!source && !target) {
            return tell(row, DifferenceKind::base, "gone from both sides since the last run");
        }
        if (!source || !target) {
            return judge_one_sided(row);
        }
        if (source->kind != target->kind) {
            return tell(row, DifferenceKind::kind,
                        source->kind == ItemKind::link ? "a link on source only"
                                                       : "a link on target only");
        }
        if (row.reads) {
            judge_contents(row);
        }
    }

    void judge_one_sided(const VerifiedRow& row) {
        const bool on_source = row.items[0].has_value();
        if (!on_source && spec_.rules.mode == Mode::one_way) {
            return;
        }
        const std::string gone = on_source ? "target" : "source";
        tell(row, on_source ? DifferenceKind::only_source : DifferenceKind::only_target,
             row.base ? "deleted on " + gone + " since the last run" : "never synchronised");
    }

    void judge_contents(const VerifiedRow& row) {
        for (const Side side : {Side::source, Side::target}) {
            const Status& status = row.status[static_cast<std::size_t>(side)];
            if (!status.ok()) {
                return tell(row, DifferenceKind::unread,
                            std::string(name_of(side)) + ": " + status.message());
            }
        }
        for (const std::optional<Item>& item : row.items) {
            report_.bytes += item->size != kUnknownSize ? item->size : 0;
        }
        if (row.hash[0] != row.hash[1]) {
            return tell(row, DifferenceKind::content, against_base(row));
        }
        const bool sets_meta = session_.at(Side::source).info().sets_meta &&
                               session_.at(Side::target).info().sets_meta;
        if (sets_meta && !same_meta(row.items[0]->meta, row.items[1]->meta)) {
            return tell(row, DifferenceKind::metadata, "equal contents, another executable bit");
        }
        if (knows_content(row) && row.base->hash != row.hash[0]) {
            tell(row, DifferenceKind::base,
                 "both sides are equal, but not what the last run agreed on");
        }
    }

    static bool knows_content(const VerifiedRow& row) {
        return row.base && row.base->hash_algo == HashAlgo::xxh3_128 && !row.base->hash.empty();
    }

    // Which side moved away from what was agreed on, and whether anybody is known to have done it.
    static std::string against_base(const VerifiedRow& row) {
        if (row.base && row.base->differs) {
            return "left different by a decision";
        }
        if (!knows_content(row)) {
            return "the sides differ";
        }
        const std::array<bool, 2> moved{row.hash[0] != row.base->hash,
                                        row.hash[1] != row.base->hash};
        std::string text = moved[0] && moved[1] ? "both sides changed"
                           : moved[0]           ? "source changed"
                                                : "target changed";
        text += " since the last run";
        for (const Side side : {Side::source, Side::target}) {
            const auto index = static_cast<std::size_t>(side);
            const Bytes& agreed =
                side == Side::source ? row.base->source_version : row.base->target_version;
            if (moved[index] && !agreed.empty() && row.items[index]->version == agreed) {
                text += "; nothing says that anybody wrote to " + std::string(name_of(side)) +
                        ", so it may be damaged: no sync will notice or repair this by itself";
            }
        }
        return text;
    }

    void tell(const VerifiedRow& row, DifferenceKind kind, std::string message) {
        ++(kind == DifferenceKind::unread ? report_.unread : report_.differences);
        show_({row.key, kind, std::move(message)});
    }

    const RunServices& services_;
    const VerifySpec& spec_;
    Session& session_;
    const std::function<void(const Difference&)>& show_;
    VerifyReport& report_;
    const CallContext& call_;
    std::array<UnknownTracker, 2> unknown_;
    std::vector<VerifiedRow> window_;
    std::shared_ptr<PoolLane> lane_;
};

} // namespace

std::string_view name_of(DifferenceKind kind) {
    switch (kind) {
    case DifferenceKind::only_source:
        return "only-source";
    case DifferenceKind::only_target:
        return "only-target";
    case DifferenceKind::kind:
        return "kind";
    case DifferenceKind::content:
        return "content";
    case DifferenceKind::metadata:
        return "metadata";
    case DifferenceKind::base:
        return "base";
    case DifferenceKind::unread:
        return "unread";
    }
    return "unknown";
}

VerifyReport verify_sync(const RunServices& services, const VerifySpec& spec,
                         const std::function<void(const Difference&)>& show,
                         const std::stop_token& stop) {
    VerifyReport report;
    const std::int64_t started = services.clock.mono_ns();
    CallContext call;
    call.stop = stop;
    call.end_waits = stop;
    call.dry_run = true;
    report.error = [&]() -> Status {
        Result<std::unique_ptr<Session>> session =
            Session::open_any(services.plugins, spec.place, services.clock);
        if (!session.ok()) {
            return session.status();
        }
        report.source = (*session)->source();
        report.target = (*session)->target();
        if ((*session)->has_state()) {
            SYNCLINE_TRY((*session)->lock()); // a run at work would look like differences
            const Result<std::vector<RunRecord>> latest = (*session)->state().runs().latest(1);
            SYNCLINE_TRY(latest.status());
            report.has_run = !latest->empty();
        }
        SYNCLINE_TRY((*session)->open_sides(services, spec.guard, call, false));
        return Verification(services, spec, **session, show, report, call).run();
    }();
    report.duration_ms = (services.clock.mono_ns() - started) / 1'000'000;
    services.progress.enter(RunPhase::finished);
    return report;
}

} // namespace syncline
