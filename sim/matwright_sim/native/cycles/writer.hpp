// SPDX-License-Identifier: Apache-2.0
// Writing cycle by cycle, to a memory that is always ready: cycles/writer.py.

#pragma once

#include <algorithm>

#include "design.hpp"
#include "words.hpp"

// A request, or what is left of it. `phase`: beats from where a burst may begin to where this one does.
struct Request {
    int64_t beats = 0, phase = 0;
    bool end = false;  // it ends a job

    template <class Archive>
    void archive(Archive& to) {
        to.value(beats);
        to.value(phase);
    }
};

// At most N entries; the first that came leaves first.
template <class T, unsigned N>
class Line {
public:
    unsigned size() const { return count_; }
    T& front() { return items_[first_]; }
    void push(T item) { items_[(first_ + count_++) % N] = item; }
    T pop() {
        T item = items_[first_];
        first_ = (first_ + 1) % N;
        count_--;
        return item;
    }
    template <class Archive>
    void values(Archive& to) {
        to.value(count_);
        for (unsigned i = 0; i < count_; i++) to.value(items_[(first_ + i) % N]);
    }
    template <class Archive>
    void times(Archive& to) {
        to.value(count_);
        for (unsigned i = 0; i < count_; i++) to.time(items_[(first_ + i) % N]);
    }
    void shift(Cycle by) {
        for (unsigned i = 0; i < count_; i++) items_[(first_ + i) % N] += by;
    }

private:
    T items_[N];
    unsigned first_ = 0, count_ = 0;
};

class Writer {
public:
    Writer(const Design& design, const Memory& memory)
        : max_burst_(design.max_burst),
          outstanding_(unsigned(design.outstanding)),
          registers_(int(design.request_registers)),
          latency_(memory.write_latency) {}

    bool accepts() const {
        if (registers_ && !request_.beats) return true;
        return !left_.beats && (registers_ == 2 || unheld());
    }
    bool room() const { return owed_.size() > 0; }
    bool quiet() const { return unanswered_.size() == 0; }
    // Nothing can happen but answers.
    bool still() const {
        return !(request_.beats || left_.beats || burst_.beats || address_ || owed_.size() ||
                 valid_);
    }
    // Nothing can happen but answers, until there is a beat.
    bool rests() const { return !(request_.beats || left_.beats || burst_.beats || address_ || valid_); }
    // Cycle of the next answer, or NEVER.
    Cycle next_answer() { return answers_.size() ? answers_.front() : NEVER; }

    // Forgets what means nothing from a cycle on.
    void forget(Cycle cycle) {
        if (answer_ < cycle + latency_) answer_ = NEVER;
        if (!valid_) last_ = false;
    }

    // The cycle ends; `request` was accepted if it has beats, and `beat`. Whether a job is complete.
    bool step(Cycle cycle, const Request& request, bool beat) {
        const bool free = unheld();
        if (valid_ && last_) ended_.push(cycle);
        valid_ = beat;
        if (beat) {
            last_ = --owed_.front() == 0;
            if (last_) owed_.pop();
        }
        if (address_) taken_.push(cycle);
        while (taken_.size() && ended_.size()) {
            const Cycle whole = std::max(taken_.pop(), ended_.pop());
            answer_ = std::max(whole + latency_, answer_ + 1);
            answers_.push(answer_);
        }
        bool complete = false;
        if (answers_.size() && answers_.front() == cycle) {
            answers_.pop();
            complete = unanswered_.pop();
        }
        const Request opened = split(request, free);
        address_ = opened.beats > 0;
        if (address_) {
            owed_.push(opened.beats);
            unanswered_.push(opened.end);
        }
        return complete;
    }

    // `to` is told, or tells, all that changes.
    template <class Archive>
    void archive(Archive& to) {
        to.flags(address_, valid_, last_, request_.end, left_.end, burst_.end);
        for (Request* request : {&request_, &left_, &burst_}) request->archive(to);
        owed_.values(to);
        unanswered_.values(to);
        for (auto* line : {&taken_, &ended_, &answers_}) line->times(to);
        to.time(answer_);
    }

    void shift(Cycle by) {
        taken_.shift(by);
        ended_.shift(by);
        answers_.shift(by);
        move(answer_, by);
    }

private:
    static constexpr unsigned MOST = 128;  // more than bursts can be under way

    bool unheld() const { return unanswered_.size() < outstanding_; }

    Request cut(Request& from) const {
        const int64_t beats = std::min(from.beats, max_burst_ - from.phase);
        from.beats -= beats;
        from.phase = 0;
        return {beats, 0, from.end && !from.beats};
    }

    // The burst that goes to the guard.
    Request split(const Request& request, bool free) {
        const bool held = registers_ < 2 && !free;
        if (!left_.beats && !held) {
            // The next request begins to be cut.
            if (registers_) {
                left_ = request_;
                request_ = {};
            } else {
                left_ = request;
            }
        }
        if (registers_ && request.beats) request_ = request;
        if (registers_ < 2) return left_.beats && !held ? cut(left_) : Request{};
        const bool opens = burst_.beats && free;
        const Request opened = opens ? burst_ : Request{};
        if (!burst_.beats || opens) burst_ = left_.beats ? cut(left_) : Request{};
        return opened;
    }

    int64_t max_burst_;
    unsigned outstanding_;
    int registers_;
    int64_t latency_;
    // The request in the first register, what is left of the one that is being cut, the burst in the
    // second register.
    Request request_, left_, burst_;
    bool address_ = false, valid_ = false, last_ = false;  // on offer; the last of its burst
    Line<int64_t, MOST> owed_;                              // beats to come of each burst
    Line<bool, MOST> unanswered_;                           // whether each ends a job
    Line<Cycle, MOST> taken_, ended_, answers_;
    Cycle answer_ = NEVER;
};
