// Streams that break off half way: what comes first goes through, then the other end is told to
// give up. Each lives for one call.
#pragma once

#include <syncline/sdk/connector.hpp>

namespace syncline::fault {

// A listing: half of the items that come first.
class CutItems {
public:
    explicit CutItems(const syncline_item_sink* to);
    CutItems(const CutItems&) = delete;
    CutItems& operator=(const CutItems&) = delete;
    const syncline_item_sink* sink() const { return &sink_; }
    bool was_cut() const { return cut_; }

private:
    syncline_item_sink sink_{};
    const syncline_item_sink* to_;
    bool cut_ = false;
};

// A body that is read: half of its bytes.
class CutBody {
public:
    CutBody(const syncline_get_sink* to, const sdk::GetRequest& request);
    CutBody(const CutBody&) = delete;
    CutBody& operator=(const CutBody&) = delete;
    const syncline_get_sink* sink() const { return &sink_; }
    bool was_cut() const { return cut_; }

private:
    syncline_get_sink sink_{};
    const syncline_get_sink* to_;
    std::uint64_t offset_;
    std::uint64_t length_;
    std::uint64_t left_ = 0;
    bool cut_ = false;
};

// A body that is written: half of its bytes, none if nobody knows how many there are.
class CutReader {
public:
    CutReader(const syncline_reader* from, syncline_status status);
    CutReader(const CutReader&) = delete;
    CutReader& operator=(const CutReader&) = delete;
    const syncline_reader* reader() const { return &reader_; }
    bool was_cut() const { return cut_; }

private:
    syncline_reader reader_{};
    const syncline_reader* from_;
    syncline_status status_;
    std::uint64_t left_ = 0;
    bool cut_ = false;
};

} // namespace syncline::fault
