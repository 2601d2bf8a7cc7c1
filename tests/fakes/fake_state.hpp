// State in memory, with the semantics of the real one and failures on demand. What a
// FakeStateDirectory holds survives its SyncStates, as a file would; what was not committed does
// not.
#pragma once

#include "fakes/fake_archive.hpp"
#include "syncline/state/state.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

namespace syncline::fakes {

class FakeBaseStore final : public BaseStore {
public:
    using Entries = std::map<Bytes, BaseEntry, std::less<>>;

    Failure failure;                 // counts every call but those of cursors
    Failure cursor_failure;          // counts next()
    std::function<void()> on_commit; // before a commit takes effect
    std::size_t commits = 0;

    const Entries& committed() const { return committed_; }
    std::size_t pending() const { return pending_.size(); }
    void preset(const BaseEntry& entry) { committed_[entry.key] = entry; }
    // As if the process died: what was not committed is gone.
    void crash() { pending_.clear(); }

    Result<std::unique_ptr<BaseCursor>> scan() override {
        SYNCLINE_TRY(failure.next_call());
        return std::unique_ptr<BaseCursor>(std::make_unique<Cursor>(*this));
    }
    Result<std::optional<BaseEntry>> find(BytesView key) override {
        SYNCLINE_TRY(failure.next_call());
        if (const auto found = pending_.find(key); found != pending_.end()) {
            return found->second;
        }
        const auto found = committed_.find(key);
        return found != committed_.end() ? std::optional(found->second) : std::nullopt;
    }
    Result<std::uint64_t> count() override {
        SYNCLINE_TRY(failure.next_call());
        return std::uint64_t{committed_.size()};
    }
    Status put(const BaseEntryView& entry) override {
        SYNCLINE_TRY(check_write());
        pending_.insert_or_assign(Bytes(entry.key), to_entry(entry));
        return {};
    }
    Status erase(BytesView key) override {
        SYNCLINE_TRY(check_write());
        pending_.insert_or_assign(Bytes(key), std::nullopt);
        return {};
    }
    Status commit() override {
        SYNCLINE_TRY(check_write());
        if (on_commit) {
            on_commit();
        }
        for (auto& [key, entry] : pending_) {
            if (entry) {
                committed_.insert_or_assign(key, std::move(*entry));
            } else {
                committed_.erase(key);
            }
        }
        pending_.clear();
        ++commits;
        return {};
    }
    Status rollback() override {
        SYNCLINE_TRY(check_write());
        pending_.clear();
        return {};
    }

private:
    class Cursor final : public BaseCursor {
    public:
        explicit Cursor(FakeBaseStore& store) : store_(store), at_(store.committed_.begin()) {
            ++store_.cursors_;
        }
        ~Cursor() override { --store_.cursors_; }
        Cursor(const Cursor&) = delete;
        Cursor& operator=(const Cursor&) = delete;

        Result<bool> next(BaseEntryView& entry) override {
            SYNCLINE_TRY(store_.cursor_failure.next_call());
            if (at_ == store_.committed_.end()) {
                return false;
            }
            entry = to_view((at_++)->second);
            return true;
        }

    private:
        FakeBaseStore& store_;
        Entries::const_iterator at_;
    };

    Status check_write() {
        if (cursors_ != 0) {
            return {Code::invalid_state, "the base is written while a cursor reads it"};
        }
        return failure.next_call();
    }

    Entries committed_;
    std::map<Bytes, std::optional<BaseEntry>, std::less<>> pending_;
    int cursors_ = 0;
};

class FakePlanStore final : public PlanStore {
public:
    explicit FakePlanStore(std::shared_ptr<Failure> shared_failure = std::make_shared<Failure>())
        : failure(std::move(shared_failure)) {}

    std::shared_ptr<Failure> failure; // counts every call but those of unpack()
    Status unpack_failure;            // what it answers, if not ok

    const std::map<std::int64_t, PlannedOp>& ops() const { return ops_; }

    Result<std::int64_t> add(const PlannedOp& op) override {
        SYNCLINE_TRY(failure->next_call());
        store(++last_id_, op);
        return last_id_;
    }
    Status replace(const PlannedOp& op) override {
        SYNCLINE_TRY(failure->next_call());
        if (!ops_.contains(op.id)) {
            return {Code::not_found, "no planned operation " + std::to_string(op.id)};
        }
        store(op.id, op);
        return {};
    }
    Result<PlannedOp> at(std::int64_t id) override {
        SYNCLINE_TRY(failure->next_call());
        const auto found = ops_.find(id);
        if (found == ops_.end()) {
            return Status(Code::not_found, "no planned operation " + std::to_string(id));
        }
        return found->second;
    }
    Status removals_to_creations(std::int64_t first, std::int64_t last, Side from,
                                 std::string_view reason) override {
        SYNCLINE_TRY(failure->next_call());
        for_range(first, last, [&](PlannedOp& op) {
            if (op.action == Action::remove && op.side == from) {
                op.action = Action::create;
                op.side = other(from);
                op.reason = reason;
                op.phase = op.kind == ItemKind::container ? Phase::create_containers
                                                          : Phase::write_content;
            }
        });
        return {};
    }
    Status clear_for_other_kind(std::int64_t first, std::int64_t last, Side present_on) override {
        SYNCLINE_TRY(failure->next_call());
        for_range(first, last, [&](PlannedOp& op) {
            if ((op.action == Action::create && op.side == other(present_on)) ||
                (op.action == Action::remove && op.side == present_on)) {
                op.action = Action::remove;
                op.side = present_on;
                op.phase =
                    op.kind == ItemKind::container ? Phase::clear_containers : Phase::clear_content;
            }
        });
        return {};
    }
    Status drop(std::int64_t first, std::int64_t last) override {
        SYNCLINE_TRY(failure->next_call());
        if (first <= last) {
            ops_.erase(ops_.lower_bound(first), ops_.upper_bound(last));
        }
        return {};
    }
    Result<PlanCounts> counts() override {
        SYNCLINE_TRY(failure->next_call());
        PlanCounts counts;
        for (const auto& [id, op] : ops_) {
            ++counts.actions[static_cast<std::size_t>(op.action)];
            ++counts.phases[static_cast<std::size_t>(op.phase)];
            if (op.action == Action::remove) {
                ++counts.removals[static_cast<std::size_t>(op.side)];
            }
            counts.brings_back = counts.brings_back || (op.action == Action::create && op.has_base);
            const std::optional<Item>& from = op.side == Side::target ? op.source : op.target;
            const bool writes = op.action == Action::create || op.action == Action::update ||
                                op.action == Action::keep_both ||
                                (op.action == Action::rename && op.phase == Phase::write_content);
            if (writes && op.kind != ItemKind::container && from && from->size != kUnknownSize) {
                counts.bytes += from->size;
            }
        }
        return counts;
    }
    Status each(Phase phase, const std::function<bool(PlannedOp&&)>& visit) override {
        SYNCLINE_TRY(failure->next_call());
        const bool deepest_first =
            phase == Phase::clear_containers || phase == Phase::remove_containers;
        const auto is_of_phase = [phase](const PlannedOp& op) { return op.phase == phase; };
        if (deepest_first) {
            visit_range(ops_.rbegin(), ops_.rend(), is_of_phase, visit);
        } else {
            visit_range(ops_.begin(), ops_.end(), is_of_phase, visit);
        }
        return {};
    }
    // The bytes of an operation are its key: unpack() looks it up.
    Status each_packed(Phase phase, const std::function<bool(const PackedOp&)>& visit) override {
        SYNCLINE_TRY(failure->next_call());
        for (const auto& [id, op] : ops_) {
            if (op.phase == phase) {
                const std::optional<Item>& from = op.side == Side::target ? op.source : op.target;
                const bool writes = op.action == Action::create || op.action == Action::update;
                if (!visit({id, op.key, op.action, writes && from ? from->size : 0, op.key})) {
                    break;
                }
            }
        }
        return {};
    }
    Status unpack(std::int64_t id, BytesView bytes, PlannedOp& op) const override {
        SYNCLINE_TRY(unpack_failure);
        const auto found = ops_.find(id);
        if (found == ops_.end() || found->second.key != bytes) {
            return {Code::io, "not what was packed"};
        }
        op = found->second;
        return {};
    }
    Status each_in_key_order(const std::function<bool(PlannedOp&&)>& visit) override {
        SYNCLINE_TRY(failure->next_call());
        visit_range(
            ops_.begin(), ops_.end(), [](const PlannedOp&) { return true; }, visit);
        return {};
    }

private:
    void store(std::int64_t id, const PlannedOp& op) {
        PlannedOp& stored = ops_[id];
        stored = op;
        stored.id = id;
    }
    template <typename F>
    void for_range(std::int64_t first, std::int64_t last, F change) {
        for (auto& [id, op] : ops_) {
            if (first <= id && id <= last) {
                change(op);
            }
        }
    }
    template <typename I, typename P>
    static void visit_range(I at, I end, P matches, const std::function<bool(PlannedOp&&)>& visit) {
        for (; at != end; ++at) {
            if (matches(at->second) && !visit(PlannedOp(at->second))) {
                return;
            }
        }
    }

    std::map<std::int64_t, PlannedOp> ops_;
    std::int64_t last_id_ = 0;
};

class FakeRunStore final : public RunStore {
public:
    // Ids are unique per state directory: stores of one directory share `last_id`.
    explicit FakeRunStore(std::shared_ptr<std::int64_t> last_id = std::make_shared<std::int64_t>(0))
        : last_id_(std::move(last_id)) {}

    Failure failure;

    const std::map<std::int64_t, RunRecord>& records() const { return records_; }

    Result<std::int64_t> begin(std::int64_t wall_ns) override {
        SYNCLINE_TRY(failure.next_call());
        RunRecord& record = records_[++*last_id_];
        record.id = *last_id_;
        record.started_wall_ns = wall_ns;
        return record.id;
    }
    Status note(std::int64_t run, const RunNote& note) override {
        SYNCLINE_TRY(failure.next_call());
        notes_[run].push_back(note);
        return {};
    }
    Status finish(const RunRecord& record) override {
        SYNCLINE_TRY(failure.next_call());
        const auto found = records_.find(record.id);
        if (found == records_.end()) {
            return {Code::not_found, "no run " + std::to_string(record.id) + " of this sync"};
        }
        const std::int64_t started = found->second.started_wall_ns;
        found->second = record;
        found->second.started_wall_ns = started;
        return {};
    }
    Result<std::vector<RunRecord>> latest(std::size_t at_most) override {
        SYNCLINE_TRY(failure.next_call());
        std::vector<RunRecord> found;
        for (auto at = records_.rbegin(); at != records_.rend() && found.size() < at_most; ++at) {
            found.push_back(at->second);
        }
        return found;
    }
    Status each(const std::function<bool(RunRecord&&)>& visit) override {
        SYNCLINE_TRY(failure.next_call());
        for (auto at = records_.rbegin(); at != records_.rend(); ++at) {
            if (!visit(RunRecord(at->second))) {
                break;
            }
        }
        return {};
    }
    Result<std::optional<RunRecord>> find(std::int64_t run) override {
        SYNCLINE_TRY(failure.next_call());
        const auto found = records_.find(run);
        return found != records_.end() ? std::optional(found->second) : std::nullopt;
    }
    Result<std::vector<RunNote>> notes(std::int64_t run) override {
        SYNCLINE_TRY(failure.next_call());
        const auto found = notes_.find(run);
        return found != notes_.end() ? found->second : std::vector<RunNote>();
    }
    Result<std::vector<ItemHistory>> history_of(BytesView key, std::size_t at_most) override {
        SYNCLINE_TRY(failure.next_call());
        std::vector<ItemHistory> found;
        for (auto run = notes_.rbegin(); run != notes_.rend(); ++run) {
            for (auto note = run->second.rbegin(); note != run->second.rend(); ++note) {
                if (note->key == key && found.size() < at_most) {
                    found.push_back({run->first, records_.at(run->first).started_wall_ns, *note});
                }
            }
        }
        return found;
    }

private:
    std::shared_ptr<std::int64_t> last_id_;
    std::map<std::int64_t, RunRecord> records_;
    std::map<std::int64_t, std::vector<RunNote>> notes_;
};

class FakeIdentityStore final : public IdentityStore {
public:
    Failure failure;
    std::optional<SyncIdentity> identity;

    Result<std::optional<SyncIdentity>> load() override {
        SYNCLINE_TRY(failure.next_call());
        return identity;
    }
    Status save(const SyncIdentity& saved) override {
        SYNCLINE_TRY(failure.next_call());
        identity = saved;
        return {};
    }
};

// What is kept of one sync.
struct FakeSyncData {
    explicit FakeSyncData(
        std::shared_ptr<std::int64_t> last_run_id = std::make_shared<std::int64_t>(0))
        : runs(std::move(last_run_id)) {}

    FakeBaseStore base;
    FakeRunStore runs;
    FakeIdentityStore identity;
    FakeArchiveStore archive; // of this sync alone, unlike the real one
    FakeJournalStore journal;
    std::shared_ptr<Failure> plan_failure = std::make_shared<Failure>(); // of every plan store
    Failure new_plan_failure;
};

class FakeSyncState final : public SyncState {
public:
    explicit FakeSyncState(std::shared_ptr<FakeSyncData> shared = std::make_shared<FakeSyncData>())
        : data(std::move(shared)) {}
    ~FakeSyncState() override { data->base.crash(); }
    FakeSyncState(const FakeSyncState&) = delete;
    FakeSyncState& operator=(const FakeSyncState&) = delete;

    std::shared_ptr<FakeSyncData> data;

    BaseStore& base() override { return data->base; }
    RunStore& runs() override { return data->runs; }
    IdentityStore& identity() override { return data->identity; }
    ArchiveStore& archive() override { return data->archive; }
    JournalStore& journal() override { return data->journal; }
    Result<std::unique_ptr<PlanStore>> new_plan() override {
        SYNCLINE_TRY(data->new_plan_failure.next_call());
        return std::unique_ptr<PlanStore>(std::make_unique<FakePlanStore>(data->plan_failure));
    }
};

class FakeStateDirectory final : public StateDirectory {
public:
    Failure failure;

    FakeSyncData& sync(const std::string& name) { return *shared(name); }
    bool is_locked(const std::string& name) const { return held_->contains(name); }

    Result<std::unique_ptr<SyncLock>> lock(const std::string& name) override {
        SYNCLINE_TRY(failure.next_call());
        if (!held_->insert(name).second) {
            return Status(Code::lock_held, "sync '" + name + "' is already running");
        }
        return std::unique_ptr<SyncLock>(std::make_unique<Lock>(held_, name));
    }
    Result<std::unique_ptr<SyncState>> open_sync(const std::string& name) override {
        SYNCLINE_TRY(failure.next_call());
        return std::unique_ptr<SyncState>(std::make_unique<FakeSyncState>(shared(name)));
    }
    Result<std::vector<std::string>> sync_names() override {
        SYNCLINE_TRY(failure.next_call());
        std::vector<std::string> names;
        for (const auto& [name, data] : syncs_) {
            names.push_back(name);
        }
        return names;
    }
    Result<Bytes> plan_key() override {
        SYNCLINE_TRY(failure.next_call());
        return Bytes(32, 'k');
    }

private:
    class Lock final : public SyncLock {
    public:
        Lock(std::shared_ptr<std::set<std::string>> held, std::string name)
            : held_(std::move(held)), name_(std::move(name)) {}
        ~Lock() override { held_->erase(name_); }
        Lock(const Lock&) = delete;
        Lock& operator=(const Lock&) = delete;

    private:
        std::shared_ptr<std::set<std::string>> held_;
        std::string name_;
    };

    std::shared_ptr<FakeSyncData> shared(const std::string& name) {
        std::shared_ptr<FakeSyncData>& data = syncs_[name];
        if (!data) {
            data = std::make_shared<FakeSyncData>(last_run_id_);
        }
        return data;
    }

    std::map<std::string, std::shared_ptr<FakeSyncData>> syncs_;
    std::shared_ptr<std::int64_t> last_run_id_ = std::make_shared<std::int64_t>(0);
    std::shared_ptr<std::set<std::string>> held_ = std::make_shared<std::set<std::string>>();
};

} // namespace syncline::fakes
