#include "orchestrate/plan_exchange.hpp"

#include "syncline/core/hash.hpp"
#include "syncline/core/text.hpp"

#include <random>
#include <utility>

namespace syncline {

Result<std::string> location_for_plan(const Location& location, const std::string& typed,
                                      const std::filesystem::path& plan_file,
                                      const KeyFilter& filter) {
    if (const std::optional<Bytes> key = key_below(location, plan_file);
        key && !filter.excluded(*key)) {
        return Status(Code::invalid_config, "the plan would lie inside '" + location.shown +
                                                "' and become a part of it; choose another place "
                                                "with --out");
    }
    if (!location.directory.empty() && location.wrappers.empty()) {
        return location.canonical;
    }
    const std::string_view url = typed;
    const std::size_t host = url.find("://") + 3;
    const std::size_t path = url.find('/', host);
    if (url.substr(host, path - host).find('@') != std::string_view::npos) {
        return Status(Code::invalid_config, "'" + location.shown +
                                                "' was given with a user or password, which the "
                                                "plan would hold as plain text; give them in "
                                                "another way");
    }
    return typed;
}

std::string new_plan_id() {
    std::random_device random;
    Bytes id;
    while (id.size() < 16) {
        id += static_cast<char>(random() & 0xFFU);
    }
    return to_hex(id);
}

Status write_plan_file(const std::filesystem::path& file, const PlanHeader& header, Bytes key,
                       PlanStore& plan, const CallContext& call) {
    Result<std::unique_ptr<PlanFileWriter>> out =
        PlanFileWriter::create(file, header, std::move(key));
    if (!out.ok()) {
        return out.status();
    }
    Status written;
    SYNCLINE_TRY(plan.each_in_key_order([&](PlannedOp&& op) {
        written = call.stop.stop_requested()
                      ? Status(Code::cancelled, "interrupted; no plan was written")
                      : (*out)->add(op);
        return written.ok();
    }));
    SYNCLINE_TRY(written);
    return (*out)->finish();
}

Result<std::int64_t> load_plan_file(const std::filesystem::path& file, Bytes key,
                                    const ExpectedPlan& expected, PlanStore& plan,
                                    PlanHeader& header) {
    Result<std::unique_ptr<PlanFileReader>> in = PlanFileReader::open(file);
    if (!in.ok()) {
        return in.status();
    }
    SYNCLINE_TRY((*in)->check(std::move(key)));
    header = (*in)->header();
    if (header.sync_name != expected.sync_name || header.mode != expected.mode) {
        return Status(Code::invalid_config, "the plan is for '" + display_line(header.sync_name) +
                                                "', and by now these places are '" +
                                                display_line(expected.sync_name) +
                                                "'; make the plan anew");
    }
    for (const auto& [endpoint, scope] : {std::pair(&expected.source, &header.source_scope),
                                          std::pair(&expected.target, &header.target_scope)}) {
        if (endpoint->info().scope_id != *scope) {
            return Status(Code::guard_tripped,
                          "'" + endpoint->location() +
                              "' is not the place it was when the plan was made (another disk or "
                              "file system answers there); check that the right one is mounted, or "
                              "make the plan anew");
        }
    }
    std::int64_t last_id = 0;
    while (true) {
        PlannedOp op;
        const Result<bool> more = (*in)->next(op);
        if (!more.ok()) {
            return more.status();
        }
        if (!*more) {
            return last_id;
        }
        const Result<std::int64_t> id = plan.add(op);
        if (!id.ok()) {
            return id;
        }
        last_id = *id;
    }
}

} // namespace syncline
