#pragma once

#include "state/sqlite.hpp"
#include "syncline/state/plan_store.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace syncline::state {

// The plan as pages of operations in a file of its own, written in one transaction that never ends:
// nothing is ever synced, and what does not fit into the cache goes to the file. A page is one
// blob, because a row for each operation costs more than all else that planning does to it. The
// file goes with the store.
class SqlitePlanStore final : public PlanStore {
public:
    // Removes what an interrupted run left at `file`.
    static Result<std::unique_ptr<SqlitePlanStore>> create(const std::filesystem::path& file);
    ~SqlitePlanStore() override;
    SqlitePlanStore(const SqlitePlanStore&) = delete;
    SqlitePlanStore& operator=(const SqlitePlanStore&) = delete;

    Result<std::int64_t> add(const PlannedOp& op) override;
    Status replace(const PlannedOp& op) override;
    Result<PlannedOp> at(std::int64_t id) override;
    Status removals_to_creations(std::int64_t first, std::int64_t last, Side from,
                                 std::string_view reason) override;
    Status clear_for_other_kind(std::int64_t first, std::int64_t last, Side present_on) override;
    Status drop(std::int64_t first, std::int64_t last) override;
    Result<PlanCounts> counts() override;
    Status each(Phase phase, const std::function<bool(PlannedOp&&)>& visit) override;
    Status each_packed(Phase phase, const std::function<bool(const PackedOp&)>& visit) override;
    Status unpack(std::int64_t id, BytesView bytes, PlannedOp& op) const override;
    Status each_in_key_order(const std::function<bool(PlannedOp&&)>& visit) override;

private:
    // The part of a packed operation that counts and phases are made from.
    struct OpHead {
        std::int64_t id = 0;
        Action action{};
        Side side{};
        Phase phase{};
        ItemKind kind{};
        std::uint64_t sizes[2] = {}; // by Side; kUnknownSize: not known, or nothing there
    };
    // An operation in a page: its head, what comes after it, and both as they are kept. Borrows.
    struct PageOp {
        OpHead head;
        BytesView rest;
        BytesView bytes;
    };
    class PageReader;

    // Operations with ascending ids from `first` to `last`, not all of which need to be there.
    struct Page {
        std::int64_t first = 0;
        std::int64_t last = 0;
        std::int64_t phases = 0; // a bit for each phase that may be in it
        Bytes body;              // the operations, packed one after the other

        void append(const PlannedOp& op, std::int64_t id);
    };
    using Ops = std::vector<PlannedOp>;
    // A page whose operations are looked at or changed.
    struct OpenPage {
        std::int64_t first = 0;
        std::int64_t last = 0;
        Ops ops;
        bool is_last = false; // the one that add() appends to
        bool is_changed = false;
    };

    // Counts, made while the plan grows, or by reading it.
    struct Survey {
        PlanCounts counts;
        double bytes = 0; // exact up to 8 PiB, and never overflows

        void add(const OpHead& head);
    };

    SqlitePlanStore(std::filesystem::path file, sqlite::Database database)
        : file_(std::move(file)), database_(std::move(database)) {}
    static OpHead head_of(const PlannedOp& op);
    static void pack(const PlannedOp& op, std::uint64_t number_in_page, Bytes& out);
    static bool read_head(BytesView bytes, std::int64_t first_in_page, PageOp& op);
    static Status unpack(const PageOp& packed, PlannedOp& op);
    static std::uint64_t content_of(const OpHead& head); // kUnknownSize: not known
    Result<bool> open_page(std::int64_t id);     // the one `id` belongs to, or else the next
    Result<PlannedOp*> open_op(std::int64_t id); // valid until another page is opened
    Status put_back();                           // what was changed in the opened page
    Status write_last();                         // the page that was appended to
    Status change(std::int64_t first, std::int64_t last,
                  const std::function<void(Ops&, Ops::iterator, Ops::iterator)>& some);
    Result<bool> has_any(Phase phase);
    Status read(std::int64_t phases, bool is_backwards,
                const std::function<Result<bool>(const PageOp&)>& visit);
    Result<const Survey*> survey();

    std::filesystem::path file_;
    sqlite::Database database_; // before its statements: they go first
    sqlite::Statement insert_;
    sqlite::Statement update_;
    sqlite::Statement remove_;
    sqlite::Statement find_;
    sqlite::Statement find_next_;
    std::int64_t last_id_ = 0;
    bool brings_back_ = false;
    std::optional<Survey> survey_{Survey{}}; // kept while the plan only grows; none: to be made
    Page last_;                              // where add() appends; empty: not begun
    std::optional<OpenPage> open_;
};

} // namespace syncline::state
