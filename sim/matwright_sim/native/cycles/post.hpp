// SPDX-License-Identifier: Apache-2.0
// Post-processing cycle by cycle: cycles/post.py.

#pragma once

#include <algorithm>
#include <cstring>

#include "design.hpp"
#include "words.hpp"

// A group of columns of a row: how many are of D, and whether it ends the row. 0: none.
using Item = int32_t;
constexpr Item NOTHING = 0;

inline Item item_of(int64_t columns, bool last) { return Item(columns << 2 | last << 1 | 1); }
inline int columns_of(Item item) { return item >> 2; }
inline bool is_last(Item item) { return item >> 1 & 1; }

// Items to beats, and the skid buffer behind.
class Packer {
public:
    Packer(const Design& design, bool raw)
        : elements_(int(design.beat_bytes / (raw ? 4 : 1))),
          items_(std::max(1, elements_ / int(design.post_lanes))),
          beats_(std::max(1, int(design.post_lanes) / elements_)) {}

    bool beat = false, idle = true;

    // Whether the item on offer is taken to its end.
    bool step(Item item, bool beat_taken) {
        const bool kept = beat && !beat_taken;
        bool ends = false;
        if (item && !(full_ && kept_)) {
            full_ = true;
            if (beats_ > 1) {
                const int beats =
                    is_last(item) ? (columns_of(item) + elements_ - 1) / elements_ : beats_;
                ends = slot_ + 1 >= beats;
                slot_ = ends ? 0 : slot_ + 1;
            } else {
                ends = true;
                full_ = is_last(item) || slot_ + 1 == items_;
                slot_ = full_ ? 0 : slot_ + 1;
            }
        } else if (!kept_) {
            full_ = false;
        }
        kept_ = kept;
        beat = full_ || kept;
        idle = !(beat || slot_);
        return ends;
    }

    // `to` is told, or tells, all that changes.
    template <class Archive>
    void archive(Archive& to) {
        to.flags(beat, idle, full_, kept_);
        to.value(slot_);
    }

private:
    int elements_, items_, beats_;  // of a beat, items of a beat, beats of an item
    bool full_ = false, kept_ = false;
    int slot_ = 0;
};

// A cycle is look(), then step(). All three ways to build it in one class, since it is copied a lot.
class Post {
public:
    Post(const Design& design, bool raw)
        : kind_(design.post_serial ? SERIAL : design.post_queued ? QUEUED : WAITING),
          stages_(int(raw ? design.post_raw_stages : design.post_stages)),
          depth_(int(design.queue_depth)),
          places_(depth_),
          bits_(raw ? 32 : 8),
          runs_(int(raw ? design.serial_raw_runs : design.serial_runs)),
          size_(int(design.beat_bytes)),
          packer_(design, raw) {}

    bool idle() const {
        switch (kind_) {
            case WAITING: return !inside_ && packer_.idle;
            case QUEUED: return rests_ && packer_.idle;
            default: return !(left_ || puts_ || fills_ || beat_ || place_);
        }
    }

    bool beat() const { return kind_ == SERIAL ? beat_ : packer_.beat; }

    // Cycles in which neither look() nor beat() can change, from now on.
    int rests() const { return kind_ == SERIAL && left_ > 1 ? left_ - 1 : 0; }
    void skip(int cycles) { left_ -= cycles; }

    // Whether columns are taken in this cycle, or with a queue may be announced.
    bool look(bool beat_taken) {
        switch (kind_) {
            case WAITING: {
                const Item item = pipe_[stages_ - 1];
                taken_ = packer_.step(item, beat_taken) || !item;
                return taken_;
            }
            case QUEUED:
                taken_ = packer_.step(shown_, beat_taken);
                return room_;
            default:
                beat_taken_ = beat_taken;
                taken_ = puts_ == 1 && !beat_;
                return taken_;
        }
    }

    // The cycle ends. `item` is on offer; with a queue one `comes`.
    void step(Item item, bool comes) {
        switch (kind_) {
            case WAITING:
                if (taken_) {
                    inside_ += (item != NOTHING) - (pipe_[stages_ - 1] != NOTHING);
                    push(item);
                }
                break;
            case QUEUED: {
                const int places = places_;
                if (!shown_ || taken_) {
                    shown_ = queued_ ? queue_[first_] : NOTHING;
                    if (queued_) first_ = (first_ + 1) % PLACES, queued_--;
                }
                if (const Item leaves = pipe_[stages_ - 1])
                    queue_[(first_ + queued_++) % PLACES] = leaves;
                push(item);
                room_ = taken_ || places > 1 || (places == 1 && !comes);
                rests_ = !comes && places + taken_ >= depth_;
                places_ = places + taken_ - comes;
                break;
            }
            default: step_serial(item);
        }
    }

    template <class Archive>
    void archive(Archive& to) {
        if (kind_ == SERIAL) {
            to.pair(left_, puts_);
            to.pair(fills_, place_);
            to.flags(beat_);
            return;
        }
        packer_.archive(to);
        // Beyond the stages there is nothing, and pipes have an even number of places.
        for (int i = 0; i < stages_; i += 2) to.pair(pipe_[i], pipe_[i + 1]);
        if (kind_ == WAITING) {
            to.value(inside_);
            return;
        }
        to.pair(shown_, places_);
        to.flags(room_, rests_);
        to.value(queued_);
        for (int i = 0; i < queued_; i++) to.value(queue_[(first_ + i) % PLACES]);
    }

private:
    enum Kind { WAITING, QUEUED, SERIAL };
    static constexpr int STAGES = 16, PLACES = 64;

    void push(Item item) {
        std::memmove(pipe_ + 1, pipe_, (stages_ - 1) * sizeof(Item));
        pipe_[0] = item;
    }

    void step_serial(Item item) {
        const bool full = beat_;
        if (beat_ && beat_taken_) beat_ = false;
        if (left_) {
            left_--;
            puts_ = left_ ? 0 : bits_;
        } else if ((puts_ || fills_) && !full) {
            const int to_go = puts_ ? --puts_ : --fills_;
            if (to_go % 8 == 0) {
                place_ = (place_ + 1) % size_;
                beat_ = place_ == 0;
            }
            if (taken_ && item && is_last(item)) fills_ = 8 * ((size_ - place_) % size_);
        } else if (item && !puts_ && !fills_) {
            left_ = columns_of(item) ? runs_ : 0;
            puts_ = columns_of(item) ? 0 : bits_;
        }
    }

    Kind kind_;
    int stages_;
    bool taken_ = true;
    Item pipe_[STAGES] = {};
    int inside_ = 0;
    // The queue.
    int depth_, places_;
    bool room_ = true, rests_ = true;
    Item shown_ = NOTHING;
    Item queue_[PLACES] = {};
    int first_ = 0, queued_ = 0;
    // The serial one.
    int bits_, runs_, size_;
    int left_ = 0, puts_ = 0, fills_ = 0, place_ = 0;
    bool beat_ = false, beat_taken_ = false;
    Packer packer_;
};
