// SPDX-License-Identifier: Apache-2.0
// The read engine and a memory of fixed latency: cycles/reader.py.

#pragma once

#include <algorithm>

#include "design.hpp"
#include "words.hpp"

class Reader {
public:
    Reader(const Design& design, const Memory& memory)
        : max_burst_(design.max_burst),
          beat_bytes_(design.beat_bytes),
          latency_(memory.read_latency),
          registers_(int(design.request_registers)),
          mask_(unsigned(design.outstanding - 1)) {
        std::fill_n(ends_, design.outstanding, NEVER);
    }

    int64_t latency() const { return latency_; }

    // Cycle in which a request that is on offer from cycle `valid` on is accepted.
    Cycle accepts(Cycle valid) const {
        if (registers_) return std::max(valid, stage_);
        return std::max({valid, begins_, room()});
    }

    // A request that is accepted in a cycle; `seen(first, beats)` is called for each of its bursts, the
    // cycle of its first beat and how many there are, one a cycle. Returns the cycle of the last.
    template <class Seen>
    Cycle request(Cycle accepted, int64_t addr, int64_t beats, Seen seen) {
        const bool held = registers_ == 2;
        Cycle begins = accepted;
        if (registers_) {
            begins = std::max(accepted + 1, begins_);
            if (!held) begins = std::max(begins, room());
            stage_ = begins;
        }
        Cycle cut = begins;
        int64_t most = max_burst_ - addr / beat_bytes_ % max_burst_;
        while (beats) {
            const int64_t count = std::min(beats, most);
            // A burst enters the second register as the one before leaves it.
            if (held) cut = std::max(cut, opened_);
            opened_ = std::max({cut + held, taken_, room()});
            taken_ = opened_ + 1;
            const Cycle first = std::max(taken_ + latency_, last_ + 1);
            last_ = first + count - 1;
            ends_[head_++ & mask_] = last_;
            seen(first, count);
            cut = (held ? cut : opened_) + 1;
            beats -= count;
            most = max_burst_;
        }
        begins_ = cut;
        return last_;
    }

    // All that matters to requests that are on offer from cycle `ready` on.
    void write(Writing& to, Cycle ready) const {
        to.room(MOST + 8);
        to.time_after(stage_, ready);
        to.time_after(begins_, ready);
        to.time_after(opened_, ready);
        to.time_after(taken_, ready);
        to.time_after(last_, ready + latency_);
        // A burst ends later than the one before, and those that end early enough keep nobody waiting.
        unsigned first = mask_ + 1;
        while (first && ends_[(head_ + first - 1) & mask_] > ready + Cycle(first) - 2) first--;
        to.value(first);
        for (unsigned i = first; i <= mask_; i++) to.time(ends_[(head_ + i) & mask_]);
    }

    void read(Reading& from) {
        for (Cycle* cycle : {&stage_, &begins_, &opened_, &taken_, &last_}) from.time(*cycle);
        head_ = 0;
        unsigned first;
        from.value(first);
        std::fill_n(ends_, first, NEVER);
        for (unsigned i = first; i <= mask_; i++) from.time(ends_[i]);
    }

    void shift(Cycle by) {
        for (Cycle* cycle : {&last_, &taken_, &begins_, &opened_, &stage_})
            move(*cycle, by);
        for (unsigned i = 0; i <= mask_; i++) move(ends_[i], by);
    }

private:
    static constexpr unsigned MOST = 64;  // bursts in flight

    // First cycle in which the next burst may leave, since those in flight are few enough.
    Cycle room() const { return ends_[head_ & mask_] + 1; }

    int64_t max_burst_, beat_bytes_, latency_;
    int registers_;
    unsigned mask_, head_ = 0;
    Cycle stage_ = NEVER, begins_ = NEVER, opened_ = NEVER, taken_ = NEVER;
    Cycle last_ = NEVER;
    Cycle ends_[MOST];
};
