#include "syncline/reconcile/planner.hpp"

#include "reconcile/name_check.hpp"
#include "reconcile/renames.hpp"
#include "reconcile/row_facts.hpp"
#include "reconcile/row_join.hpp"
#include "reconcile/unknown_tracker.hpp"
#include "syncline/core/log.hpp"
#include "syncline/core/text.hpp"
#include "syncline/endpoint/content_hash_of.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

namespace syncline {

namespace {

constexpr std::size_t kWindowRows = 1024;

// A row that waits, because its own content is being read or because it stands behind one whose
// content is.
struct WaitingRow {
    Bytes key;
    std::optional<BaseEntry> base;
    std::optional<Item> source;
    std::optional<Item> target;
    bool source_unknown = false;
    bool target_unknown = false;
    bool excluded = false;
    GatheredFacts gathered;
    Status left_alone; // a side fails too often to be asked

    // Set by the worker that reads content, under the window's mutex.
    bool ready = true;
};

// A waiting row seen as a Row; valid as long as both live unmoved.
struct RowView {
    explicit RowView(const WaitingRow& from) {
        row.key = from.key;
        if (from.base) {
            base = to_view(*from.base);
            row.base = &base;
        }
        if (from.source) {
            source = syncline::to_view(*from.source);
            row.source = &source;
        }
        if (from.target) {
            target = syncline::to_view(*from.target);
            row.target = &target;
        }
    }
    RowView(const RowView&) = delete;
    RowView& operator=(const RowView&) = delete;

    Row row;
    BaseEntryView base;
    ItemView source;
    ItemView target;
};

class PlanMaker {
public:
    PlanMaker(const PlanInputs& in, const CallContext& call)
        : in_(in), call_(call), reconciler_(in.rules, coarser_mtime(in), in.conflicts, in.plan),
          containers_matter_(in.source.info().empty_containers &&
                             in.target.info().empty_containers),
          names_(in.source.info(), in.target.info(), in.spill_directory), tasks_(in.pool, in.lane) {
    }

    Result<PlanSummary> run() {
        in_.progress.enter(RunPhase::listing);
        Result<std::unique_ptr<ItemStream>> source =
            in_.source_items.list(listing_call(Side::source));
        if (!source.ok()) {
            return source.status();
        }
        Result<std::unique_ptr<ItemStream>> target =
            in_.target_items.list(listing_call(Side::target));
        if (!target.ok()) {
            return target.status();
        }
        Result<std::unique_ptr<BaseCursor>> base = in_.base.scan();
        if (!base.ok()) {
            return base.status();
        }
        RowJoin join(**source, **target, **base);
        Row row;
        while (true) {
            const Result<bool> more = join.next(row);
            if (!more.ok()) {
                return more.status();
            }
            if (!*more) {
                break;
            }
            SYNCLINE_TRY(on_row(row));
        }
        while (!window_.empty()) {
            SYNCLINE_TRY(settle_oldest());
        }
        in_.progress.enter(RunPhase::planning);
        SYNCLINE_TRY(reconciler_.finish());
        SYNCLINE_TRY(names_.correct(in_.plan));
        SYNCLINE_TRY(find_renames(in_, call_).with_context("while looking for renames"));
        Result<PlanCounts> counts = in_.plan.counts();
        if (!counts.ok()) {
            return counts.status();
        }
        summary_.counts = *counts;
        if (has_losses_) {
            SYNCLINE_TRY(count_losses());
        }
        return summary_;
    }

private:
    static std::int64_t coarser_mtime(const PlanInputs& in) {
        const std::int64_t s = in.source.info().mtime_granularity_ns;
        const std::int64_t t = in.target.info().mtime_granularity_ns;
        return s == 0 || t == 0 ? 0 : std::max(s, t);
    }

    // A side that is not written is not tidied up either.
    CallContext listing_call(Side side) const {
        CallContext call = call_;
        call.dry_run = call.dry_run || (side == Side::source && in_.rules.mode != Mode::two_way);
        return call;
    }

    Status count_losses() {
        const bool keeps_holes = in_.source.has_local_bodies() && in_.target.has_local_bodies();
        const auto without_holes = [&](const std::optional<Item>& item) -> std::uint8_t {
            const auto holes = static_cast<std::uint8_t>(Loss::holes);
            return item ? static_cast<std::uint8_t>(item->losses & (keeps_holes ? ~holes : 0xff))
                        : std::uint8_t{0};
        };
        const auto visit = [&](PlannedOp&& op) {
            const bool copies = op.action == Action::create || op.action == Action::update ||
                                op.action == Action::keep_both || op.action == Action::rename;
            if (copies) {
                const std::optional<Item>& from = op.side == Side::source ? op.target : op.source;
                const std::optional<Item>& over = op.side == Side::source ? op.source : op.target;
                // What is written over is replaced by a new file, whatever other names it has.
                const auto cut = static_cast<std::uint8_t>(
                    without_holes(over) & static_cast<std::uint8_t>(Loss::hard_links));
                summary_.losses.add(static_cast<std::uint8_t>(without_holes(from) | cut), op.key);
            }
            return true;
        };
        for (const Phase phase :
             {Phase::conflict_copies, Phase::create_containers, Phase::write_content}) {
            SYNCLINE_TRY(in_.plan.each(phase, visit));
        }
        return {};
    }

    Status on_row(Row& row) {
        summary_.base_items += row.base != nullptr ? 1 : 0;
        for (const ItemView* item : {row.source, row.target}) {
            has_losses_ = has_losses_ || (item != nullptr && item->losses != 0);
        }
        if (row.base != nullptr && row.base->differs && in_.rules.mode != Mode::one_way &&
            (row.source != nullptr || row.target != nullptr)) {
            row.base = nullptr; // that the sides may differ was agreed for one-way runs only
        }
        if (!containers_matter_ && is_container_key(row.key)) {
            // A side that cannot hold empty containers has them by their contents alone.
            if (!source_unknown_.is_unknown(row.key, row.source) &&
                !target_unknown_.is_unknown(row.key, row.target)) {
                return {};
            }
        }
        if (const LeftAside aside = left_aside(row.key, in_.sync);
            row.base == nullptr && aside != LeftAside::no) {
            return aside == LeftAside::by_this_sync ? clear_away(row) : Status();
        }
        const bool source_unknown = source_unknown_.is_unknown(row.key, row.source);
        const bool target_unknown = target_unknown_.is_unknown(row.key, row.target);
        const bool excluded = in_.rules.filter.excluded(row.key);
        if (!excluded) {
            SYNCLINE_TRY(names_.see(row.key, row.source != nullptr, row.target != nullptr));
            summary_.listed[0] += row.source != nullptr ? 1 : 0;
            summary_.listed[1] += row.target != nullptr ? 1 : 0;
        }
        std::optional<GatheredFacts> gathered;
        if (!excluded) {
            gathered = gather_facts(row, source_unknown, target_unknown,
                                    [](Side) -> std::optional<BytesView> { return std::nullopt; });
        }
        if (window_.empty() && (excluded || gathered)) {
            return excluded ? reconciler_.on_excluded(row)
                            : reconciler_.on_row(row, gathered->facts, gathered->moved);
        }
        auto waiting = std::make_unique<WaitingRow>();
        waiting->key = row.key;
        waiting->source_unknown = source_unknown;
        waiting->target_unknown = target_unknown;
        waiting->excluded = excluded;
        if (row.base != nullptr) {
            waiting->base = to_entry(*row.base);
        }
        if (row.source != nullptr) {
            waiting->source = to_item(*row.source);
        }
        if (row.target != nullptr) {
            waiting->target = to_item(*row.target);
        }
        if (excluded || gathered) {
            if (gathered) {
                waiting->gathered = *gathered;
            }
        } else {
            waiting->ready = false;
            WaitingRow* job = waiting.get();
            SYNCLINE_TRY(tasks_.submit([this, job] { read_content(*job); }, call_.stop));
        }
        window_.push_back(std::move(waiting));
        while (window_.size() >= kWindowRows || (!window_.empty() && is_ready(*window_.front()))) {
            SYNCLINE_TRY(settle_oldest());
        }
        return {};
    }

    // What a cycle of renames put aside and did not come back for; the side that renamed has it
    // under its own name.
    Status clear_away(const Row& row) {
        if ((row.source != nullptr) == (row.target != nullptr) ||
            (row.source != nullptr && in_.rules.mode != Mode::two_way)) {
            return {};
        }
        PlannedOp op;
        op.key = row.key;
        op.action = Action::follow;
        op.side = row.source != nullptr ? Side::source : Side::target;
        op.phase = Phase::remove_content;
        op.reason = "left behind by an interrupted run";
        const ItemView& item = row.source != nullptr ? *row.source : *row.target;
        op.kind = item.kind;
        std::optional<Item>& into = row.source != nullptr ? op.source : op.target;
        into = to_item(item);
        into->key.clear();
        return in_.plan.add(op).status();
    }

    bool is_ready(const WaitingRow& row) {
        const std::lock_guard lock(mutex_);
        return row.ready;
    }

    Status settle_oldest() {
        const std::unique_ptr<WaitingRow> oldest = [this] {
            std::unique_lock lock(mutex_);
            became_ready_.wait(lock, [this] { return window_.front()->ready; });
            lock.unlock();
            std::unique_ptr<WaitingRow> row = std::move(window_.front());
            window_.pop_front();
            return row;
        }();
        if (call_.stop.stop_requested()) {
            return Status(Code::cancelled, "interrupted while planning; nothing was changed");
        }
        SYNCLINE_TRY(oldest->left_alone);
        const RowView view(*oldest);
        if (oldest->excluded) {
            return reconciler_.on_excluded(view.row);
        }
        return reconciler_.on_row(view.row, oldest->gathered.facts, oldest->gathered.moved);
    }

    // On a worker. Reads what is needed to judge the row; an item that cannot be read becomes
    // unknown.
    void read_content(WaitingRow& row) {
        try {
            gather_content(row);
        } catch (const std::exception& error) {
            row.left_alone =
                Status(Code::internal, std::string("while comparing contents: ") + error.what());
        }
        const std::lock_guard lock(mutex_);
        row.ready = true;
        became_ready_.notify_all();
    }

    void gather_content(WaitingRow& row) {
        std::optional<Bytes> digests[2];
        const auto hash = [&](Side side) -> std::optional<BytesView> {
            std::optional<Bytes>& digest = digests[static_cast<int>(side)];
            if (!digest) {
                ItemReader& reader = side == Side::source ? in_.source : in_.target;
                Result<HashedItem> read = hash_item(reader, call_, row.key);
                in_.progress.compared();
                Item& item = *(side == Side::source ? row.source : row.target);
                if (read.code() == Code::circuit_open || read.code() == Code::rate_limited) {
                    row.left_alone = read.status(); // says nothing about the item
                } else if (!read.ok()) {
                    log(LogLevel::warning, "reconcile",
                        "cannot read " + display_key(row.key) + " on " +
                            std::string(name_of(side)) + ": " + read.status().message());
                }
                if (!read.ok()) {
                    item.unreadable = true;
                    (side == Side::source ? row.source_unknown : row.target_unknown) = true;
                    return std::nullopt;
                }
                digest = std::move(read->hash);
                item.version =
                    read->item.version; // these bytes', should it have changed since the listing
                item.unsettled = read->item.unsettled;
                item.size = read->item.size;
                item.mtime_ns = read->item.mtime_ns;
                item.hash = *digest;
                item.hash_algo = HashAlgo::xxh3_128;
            }
            return BytesView(*digest);
        };
        std::optional<GatheredFacts> gathered;
        // A second round only where an item turned out to be unreadable, which decides the row.
        while (!gathered) {
            const RowView view(row);
            gathered = gather_facts(view.row, row.source_unknown, row.target_unknown, hash);
        }
        row.gathered = *gathered;
    }

    const PlanInputs& in_;
    CallContext call_;
    Reconciler reconciler_;
    const bool containers_matter_;
    NameCheck names_;
    UnknownTracker source_unknown_;
    UnknownTracker target_unknown_;
    PlanSummary summary_;
    bool has_losses_ = false; // something listed has what a copy of it would not
    std::deque<std::unique_ptr<WaitingRow>> window_;
    std::mutex mutex_;
    std::condition_variable became_ready_;
    TaskGroup tasks_; // last: it waits for those that use everything above
};

} // namespace

Result<PlanSummary> make_plan(const PlanInputs& inputs, const CallContext& call) {
    return PlanMaker(inputs, call).run();
}

} // namespace syncline
