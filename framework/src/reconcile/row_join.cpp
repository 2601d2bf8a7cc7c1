#include "reconcile/row_join.hpp"

namespace syncline {

Result<bool> RowJoin::next(Row& row) {
    const auto fetch = [](auto& stream, auto& head) -> Status {
        if (!head.wanted) {
            return {};
        }
        const Result<bool> more = stream.next(head.value);
        if (!more.ok()) {
            return more.status();
        }
        head.present = *more;
        head.wanted = !*more; // a stream that ended stays ended
        return {};
    };
    SYNCLINE_TRY(fetch(source_, source_head_));
    SYNCLINE_TRY(fetch(target_, target_head_));
    SYNCLINE_TRY(fetch(base_, base_head_));

    const BytesView* least = nullptr;
    const auto consider = [&least](const auto& head) {
        if (head.present && (least == nullptr || head.value.key < *least)) {
            least = &head.value.key;
        }
    };
    consider(source_head_);
    consider(target_head_);
    consider(base_head_);
    if (least == nullptr) {
        return false;
    }
    row = Row();
    row.key = *least;
    const auto take = [&row](auto& head, auto& into) {
        if (head.present && head.value.key == row.key) {
            into = &head.value;
            head.wanted = true;
        }
    };
    take(source_head_, row.source);
    take(target_head_, row.target);
    take(base_head_, row.base);
    return true;
}

} // namespace syncline
