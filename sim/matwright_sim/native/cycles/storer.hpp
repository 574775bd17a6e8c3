// SPDX-License-Identifier: Apache-2.0
// The store engine cycle by cycle, and all that comes behind it: cycles/storer.py.

#pragma once

#include <algorithm>
#include <tuple>
#include <vector>

#include "design.hpp"
#include "post.hpp"
#include "repeat.hpp"
#include "writer.hpp"

// Whether all that is stored takes the same time on both.
inline bool store_alike(const Design& one, const Design& other) {
    const auto fields = [](const Design& c) {
        return std::make_tuple(c.cols, c.col_pitch, c.beat_bytes, c.max_burst, c.outstanding,
                               c.store_stages, c.post_stages, c.post_raw_stages, c.serial_runs,
                               c.serial_raw_runs, c.queue_depth, c.post_lanes, c.post_queued,
                               c.post_serial, c.request_registers);
    };
    return fields(one) == fields(other);
}

// A block of D: rows and bytes, the address of its first row, and what of D it ends.
struct Block {
    int64_t rows, panels, addr, stride;
    bool last_columns, last_rows;
};

class Storer {
public:
    // What one may leave to the next of a design that stores alike, the same memory and `raw`.
    struct Shared {
        std::vector<Item> items;  // of the block that is being stored
        Mark mark;
        Memo memo;
    };

    Storer(const Design& design, const Memory& memory, const Gemm& gemm, Shared& shared)
        : design_(&design),
          shared_(&shared),
          size_(gemm.raw ? 4 : 1),
          tail_(gemm.n - (ceil_div(gemm.n, design.cols) - 1) * design.cols),
          stages_(int(design.store_stages)),
          post_(design, gemm.raw),
          writer_(design, memory) {}

    // A job comes that is on offer from a cycle on.
    void begin(Cycle seen) { rest(std::max(cycle_, seen) + 1); }

    // Stores a block that is in its bank, and whose parameters are there, from cycles on. Returns the
    // cycle in which it leaves its bank.
    Cycle store(const Block& block, Cycle filled, Cycle table) {
        tick(NOTHING, {});
        rest(filled + 1);
        if (table != NEVER) rest(table + 1);
        tick(NOTHING, {});
        const int64_t columns = (block.panels - 1) * design_->col_pitch +
                                (block.last_columns ? tail_ : design_->cols);
        const int64_t beats = ceil_div(columns * size_, design_->beat_bytes);
        const Cycle before = cycle_;
        Cycle left = 0;
        shared_->memo.recall(
            [&](Words& key) {
                key.push({block.rows, block.panels, columns, block.last_columns, block.last_rows,
                          cuts(*design_, block.addr, block.stride, beats)});
                write(key, before);
            },
            [&] { left = store_rows(block, columns, beats); },
            [&](Words& value) {
                value.push({left - before});
                write(value, before);
            },
            [&](const int64_t* value) {
                left = before + *value;
                Reading from(value + 1, before);
                read(from);
            });
        return left;
    }

    // After the last block. Returns the cycle in which the job is taken.
    Cycle end() {
        while (!post_.idle() || offers(2)) tick(NOTHING, {});
        if (design_->post_queued) tick(NOTHING, {});
        const Cycle cycle = cycle_;
        tick(NOTHING, {});
        return cycle;
    }

    // Cycle in which the last response comes.
    Cycle complete() {
        while (complete_ == NEVER) {
            // Until the next answer nothing changes, if nothing else is under way.
            if (writer_.still() && writer_.next_answer() > cycle_ && post_.idle() && !offers(0))
                cycle_ = writer_.next_answer();
            tick(NOTHING, {});
        }
        return complete_;
    }

    Cycle now() const { return cycle_; }

    void write(Words& words) { write(words, cycle_); }

    // All that changes, with cycles told from a base.
    void write(Words& words, Cycle base) {
        writer_.forget(cycle_);
        Writing to(words, base);
        archive(to);
    }

    void read(Reading& from) { archive(from); }

    void shift(Cycle by) {
        cycle_ += by;
        writer_.shift(by);
    }

private:
    static constexpr int STAGES = 8;

    template <class Archive>
    void archive(Archive& to) {
        to.room(256);
        to.time(cycle_);
        for (int i = 0; i < stages_; i += 2) to.pair(offered_[i], offered_[i + 1]);
        post_.archive(to);
        writer_.archive(to);
    }

    struct Moved {
        bool reads, accepted, moves;
    };

    bool offers(int from) const {
        return std::any_of(offered_ + std::min(from, stages_), offered_ + stages_,
                           [](Item item) { return item != NOTHING; });
    }

    Cycle store_rows(const Block& block, int64_t columns, int64_t beats) {
        make_items(block, columns);
        const auto row = [&](int64_t i, bool end) {
            const int64_t first = (block.addr + i * block.stride) / design_->beat_bytes;
            Request request{beats, first % design_->max_burst, end};
            for (const Item item : shared_->items) {
                Moved moved;
                do {
                    if (!request.beats) skip();
                    moved = tick(item, request);
                    if (moved.accepted) request = {};
                } while (!moved.reads);
            }
        };
        const int64_t span = design_->max_burst * design_->beat_bytes;
        const bool uncut = cuts(*design_, block.addr, block.stride, beats) < 0;
        repeat(
            *this, shared_->mark, block.rows - 1, [&](int64_t i) { row(i, false); },
            [&](int64_t rows) { return uncut || rows * block.stride % span == 0; });
        row(block.rows - 1, block.last_columns && block.last_rows);
        // The block is done when its last columns leave the memories.
        for (;;) {
            const Cycle cycle = cycle_;
            const bool inside = stages_ > 1 && offered_[0];
            if (tick(NOTHING, {}).moves && !inside) return cycle;
        }
    }

    // Go on to a cycle without reading.
    void rest(Cycle until) {
        while (cycle_ < until) {
            if (post_.idle() && writer_.still() && !offers(0)) {
                const Cycle answer = writer_.next_answer();
                cycle_ = answer == NEVER ? until : std::min(until, answer);
                if (cycle_ == until) return;
            }
            tick(NOTHING, {});
        }
    }

    // Skips cycles in which post-processing goes on alone, and takes nothing.
    void skip() {
        if (!post_.rests() || !offered_[stages_ - 1] || post_.beat() || !writer_.rests()) return;
        int64_t cycles = post_.rests();
        const Cycle answer = writer_.next_answer();
        if (answer != NEVER) cycles = std::min(cycles, answer - cycle_);
        if (cycles <= 0) return;
        post_.skip(int(cycles));
        cycle_ += cycles;
    }

    // One cycle. Whether `item` is read, `request` accepted, and what was read before moves.
    Moved tick(Item item, const Request& request) {
        const bool queued = design_->post_queued;
        const bool room = writer_.room();
        const bool beat = room && post_.beat();
        const bool taken = post_.look(room);
        const Item on_offer = offered_[stages_ - 1];
        const bool moves = queued || taken || !on_offer;
        const bool accepted = request.beats && writer_.accepts();
        const bool reads = item && (queued ? taken : moves) && (!request.beats || accepted);
        post_.step(on_offer, reads);
        if (moves) {
            for (int i = stages_ - 1; i > 0; i--) offered_[i] = offered_[i - 1];
            offered_[0] = reads ? item : NOTHING;
        }
        if (writer_.step(cycle_, accepted ? request : Request{}, beat)) complete_ = cycle_;
        cycle_++;
        return {reads, accepted, moves};
    }

    // The groups of a row of a block.
    void make_items(const Block& block, int64_t columns) {
        const int64_t lanes = design_->post_lanes, pitch = design_->col_pitch;
        shared_->items.clear();
        for (int64_t first = 0; first < columns; first += lanes) {
            const int64_t panel = first / pitch, column = first % pitch;
            int64_t count = lanes;
            if (!(block.last_columns && panel == block.panels - 1))
                count = std::max<int64_t>(0, std::min(lanes, design_->cols - column));
            shared_->items.push_back(item_of(count, false));
        }
        const int64_t count =
            block.last_columns ? (columns - 1) % lanes + 1 : columns_of(shared_->items.back());
        shared_->items.back() = item_of(count, true);
    }

    const Design* design_;
    Shared* shared_;
    int64_t size_, tail_;
    int stages_;
    Cycle cycle_ = 0, complete_ = NEVER;
    Item offered_[STAGES] = {};
    Post post_;
    Writer writer_;
};
