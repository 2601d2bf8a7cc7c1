// Tasks with a result: the future becomes ready with what the task returned, with the error that it
// threw, with Code::cancelled if the pool dropped it, or with the error of submit().
//
//   std::future<Result<Bytes>> digest = submit_for_result(pool, [&] { return hash(file); });
//
// A worker that waits for a future of its own pool may wait for ever: nobody may be left to do it.
#pragma once

#include "syncline/pool/task_submitter.hpp"

#include <future>
#include <memory>
#include <type_traits>
#include <utility>

namespace syncline {

namespace pool_detail {

template <typename R>
struct ResultOf {
    using type = Result<R>;
};
template <typename R>
struct ResultOf<Result<R>> {
    using type = Result<R>;
};
template <>
struct ResultOf<void> {
    using type = Status;
};
template <>
struct ResultOf<Status> {
    using type = Status;
};

} // namespace pool_detail

// Of a task that returns T or Result<T>: Result<T>; of one that returns nothing or a Status:
// Status.
template <typename F>
using TaskResult = typename pool_detail::ResultOf<std::invoke_result_t<std::decay_t<F>&>>::type;

template <typename F>
std::future<TaskResult<F>> submit_for_result(TaskSubmitter& pool, F&& work,
                                             const SubmitOptions& options = {}) {
    using R = TaskResult<F>;
    struct Shared {
        std::promise<R> promise;
        std::optional<R> value;
    };
    auto shared = std::make_shared<Shared>();
    std::future<R> future = shared->promise.get_future();
    auto run = [shared, work = std::forward<F>(work)]() mutable -> Status {
        if constexpr (std::is_void_v<std::invoke_result_t<decltype(work)&>>) {
            work();
            return {};
        } else {
            shared->value.emplace(work());
            if constexpr (std::is_same_v<R, Status>) {
                return *shared->value;
            } else {
                return shared->value->status();
            }
        }
    };
    auto done = [shared](const Status& status) {
        if (shared->value) {
            shared->promise.set_value(*std::move(shared->value));
        } else if constexpr (std::is_same_v<R, Status>) {
            shared->promise.set_value(status);
        } else {
            shared->promise.set_value(R(status));
        }
    };
    const Status submitted = pool.submit(Task(std::move(run), std::move(done)), options);
    if (!submitted.ok()) {
        shared->promise.set_value(R(submitted));
    }
    return future;
}

} // namespace syncline
