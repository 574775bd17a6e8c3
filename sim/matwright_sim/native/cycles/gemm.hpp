// SPDX-License-Identifier: Apache-2.0
// The cycles of a program of one GEMM: cycles/exact.py, cycles/loader.py and cycles/executor.py.
//
// What the load engine waits for depends only on what it asked for before. So each tile is executed as soon
// as it is loaded, and each block is stored as soon as it is executed, whatever their cycles.

#pragma once

#include <algorithm>
#include <optional>

#include "design.hpp"
#include "places.hpp"
#include "repeat.hpp"
#include "state.hpp"
#include "storer.hpp"
#include "words.hpp"

// A GEMM on a machine. Made once for many; what it keeps between runs is memory.
class Machine {
public:
    // Another design comes. The memory and what is put out stay the same.
    void design(const Design& design) {
        if (!c_ || !store_alike(*c_, design)) shared_.memo.clear();
        c_ = &design;
        chunks_known_.clear();
        blocks_known_.clear();
        rows_known_.clear();
    }

    // Cycles from doorbell to interrupt, on the last design that came.
    Cycle run(const Memory& memory, const Gemm& gemm, const Tiling& tiling) {
        const Design& design = *c_;
        g_ = gemm;
        t_ = tiling;
        places_.emplace(design, gemm);
        k_panels_ = ceil_div(gemm.k, design.rows);
        n_panels_ = ceil_div(gemm.n, design.cols);
        chunk_ = std::min(k_panels_, int64_t(1) << tiling.k_log2);
        chunks_ = ceil_div(k_panels_, chunk_);
        width_ = std::min(n_panels_, int64_t(1) << tiling.n_log2);
        columns_ = ceil_div(n_panels_, width_);
        span_ = design.max_burst * design.beat_bytes;
        const Reader reader(design, memory);
        const Storer storer(design, memory, gemm, shared_);
        const Blocks fresh{{{{reader}, Ring(design.weight_tiles)}, {}}, storer, {}, {}, false};
        s_.emplace(fresh);
        const int64_t blocks = ceil_div(gemm.m, tiling.rows) * columns_;
        blocks_known_.use(blocks > FEW);
        rows_known_.use(ceil_div(gemm.m, tiling.rows) > FEW);
        chunks_known_.use(blocks * chunks_ > FEW);
        shared_.memo.use(blocks > FEW);
        return follow();
    }

private:
    static constexpr int64_t FEW = 4;

    Cycle follow() {
        const Design& c = *c_;
        Blocks& s = *s_;
        Cycle n_comes = 0, k_comes = 0, last = 0;
        int64_t beat = 0;
        const Cycle accepted = s.reader.accepts(1);
        last = s.reader.request(accepted, places_->program, c.descriptor_beats,
                                [&](Cycle first, int64_t beats) {
                                    for (int64_t i = 0; i < beats; i++, beat++) {
                                        if (beat == c.n_beat) n_comes = first + i;
                                        if (beat == c.k_beat) k_comes = first + i;
                                    }
                                });
        const Cycle dispatched = checked(n_comes, k_comes, last);
        const Cycle seen = dispatched + 1;
        s.ready = seen + (c.single ? 0 : 1) + 1;
        s.tiles_from = seen + (c.single ? 0 : 2) + c.execute_setup;
        s.storer.begin(seen + (c.single ? 0 : 3));

        const int64_t row_blocks = ceil_div(g_.m, t_.rows);
        const auto block_row = [&](int64_t i) { row_of_blocks(i, t_.rows, false); };
        const bool a_whole = a_cuts(places_->a) < 0, d_whole = d_cuts(places_->d) < 0;
        repeat(s, in_blocks_, row_blocks - 1, block_row, [&](int64_t rows) {
            return (a_whole || aligned(rows * t_.rows * places_->a_stride)) &&
                   (d_whole || aligned(rows * t_.rows * places_->d_stride));
        });
        row_of_blocks(row_blocks - 1, g_.m - (row_blocks - 1) * t_.rows, true);

        Cycle offered = dispatched + 1;
        const Cycle stored = s.storer.end();
        if (c.single) offered = std::max({offered, s.ready - 1 /* the last request */, s.started, stored});
        return std::max(offered + 1, s.storer.complete()) + 1;
    }

    // First cycle in which the descriptor may be dispatched: cycles/dispatcher.py.
    Cycle checked(Cycle n_comes, Cycle k_comes, Cycle last) const {
        const Design& c = *c_;
        const Cycle arrived = last + c.sram_registers + 1;
        Cycle counted = 0, settled = 0;
        if (c.n_divides) counted = n_comes + c.sram_registers + c.n_divides;
        if (c.k_divides) counted = std::max(counted, k_comes + c.sram_registers + c.k_divides);
        if (counted) settled = counted + c.settles;
        if (c.unchecked) return std::max(arrived, counted);
        const int64_t rows = bits(g_.m - 1) + 1, panels = bits(k_panels_ - 1) + 1;
        return std::max(arrived + rows, settled) + panels + rows + g_.table + c.checks;
    }

    static int64_t bits(int64_t value) {
        int64_t count = 0;
        for (; value; value >>= 1) count++;
        return count;
    }

    bool aligned(int64_t bytes) const { return bytes % span_ == 0; }

    // How requests are cut: of all chunks of A from the rows of a block on, of all blocks beside each other
    // of B, D and the table.
    int64_t a_cuts(int64_t addr) const {
        const int64_t step = chunk_ * c_->panel_bytes;
        return cuts(*c_, addr, places_->a_stride, ceil_div(step, c_->beat_bytes), step);
    }
    int64_t b_cuts() const {
        const int64_t step = width_ * c_->tile_bytes;
        return cuts(*c_, places_->b, places_->b_stride, step / c_->beat_bytes, step);
    }
    int64_t d_cuts(int64_t addr) const {
        const int64_t step = width_ * c_->col_pitch * (g_.raw ? 4 : 1);
        return cuts(*c_, addr, places_->d_stride, ceil_div(step, c_->beat_bytes), step);
    }
    int64_t table_cuts() const {
        const int64_t step = width_ * c_->col_pitch * Places::PARAMETER_BYTES;
        return g_.table ? cuts(*c_, places_->table, 0, step / c_->beat_bytes, step) : -1;
    }

    // All blocks of the same rows. The same in the same state take the same time.
    void row_of_blocks(int64_t index, int64_t rows, bool last) {
        Blocks& s = *s_;
        const Places& at = *places_;
        const int64_t row = index * t_.rows;
        const Cycle before = s.ready;
        rows_known_.recall(
            [&](Words& key) {
                key.push({rows, last, chunk_, width_, g_.n, g_.k, g_.table,
                          a_cuts(at.a + row * at.a_stride), b_cuts(),
                          d_cuts(at.d + row * at.d_stride), table_cuts()});
                s.write(key);
            },
            [&] { columns_of_blocks(row, rows, last); },
            [&](Words& value) { s.write_all(value, before); },
            [&](const int64_t* value) { s.read_all(value, before); });
    }

    void columns_of_blocks(int64_t row, int64_t rows, bool last) {
        Blocks& s = *s_;
        block(row, rows, 0, last);
        if (columns_ == 1) return;
        const Places& at = *places_;
        const bool b_whole = b_cuts() < 0, d_whole = d_cuts(at.d + row * at.d_stride) < 0;
        const bool table_whole = table_cuts() < 0;
        s.keeps_chunk = chunks_ == 1;
        repeat(
            s, in_columns_, columns_ - 2, [&](int64_t i) { block(row, rows, i + 1, last); },
            [&](int64_t columns) {
                const int64_t pitch = columns * width_ * c_->col_pitch;
                return (b_whole || aligned(columns * width_ * c_->tile_bytes)) &&
                       (d_whole || aligned(pitch * (g_.raw ? 4 : 1))) &&
                       (table_whole || aligned(pitch * Places::PARAMETER_BYTES));
            });
        s.keeps_chunk = false;
        block(row, rows, columns_ - 1, last);
    }

    // Loads, executes and stores a block. The same block in the same state takes the same time.
    void block(int64_t row, int64_t rows, int64_t column, bool last_rows) {
        Blocks& s = *s_;
        const Places& at = *places_;
        const int64_t panel = column * width_;
        const int64_t panels = std::min(width_, n_panels_ - panel);
        const bool last = column == columns_ - 1;
        const int64_t d_bytes = c_->col_pitch * (g_.raw ? 4 : 1);
        const int64_t table_bytes = c_->col_pitch * Places::PARAMETER_BYTES;
        const int64_t a = at.a + row * at.a_stride, b = at.b + panel * c_->tile_bytes;
        const Block stored{rows, panels, at.d + row * at.d_stride + panel * d_bytes, at.d_stride,
                           last, last_rows};
        const int64_t table = at.table + panel * table_bytes;
        const Cycle before = s.ready;
        const int64_t tail = last ? g_.n - (n_panels_ - 1) * c_->cols : c_->cols;
        const int64_t d_beats =
            ceil_div(((panels - 1) * c_->col_pitch + tail) * (g_.raw ? 4 : 1), c_->beat_bytes);
        const bool first = column == 0, again = chunks_ > 1;  // chunks leave before the next block
        const int64_t tile_beats = c_->tile_bytes / c_->beat_bytes;
        blocks_known_.recall(
            [&](Words& key) {
                key.push({rows, panels, first, last, last_rows, s.keeps_chunk, chunk_, k_panels_, g_.k,
                          g_.table, tail, a_cuts(a),
                          cuts(*c_, b, at.b_stride, panels * tile_beats),
                          cuts(*c_, stored.addr, at.d_stride, d_beats),
                          cuts(*c_, table, 0, panels * table_bytes / c_->beat_bytes)});
                s.write(key);
            },
            [&] {
                chunk(rows, panels, a, b, 0, again || first, again || last, s.banks.before);
                if (again) other_chunks(rows, panels, a, b);
                Cycle there = NEVER;
                if (g_.table) there = parameters(table, panels * table_bytes);
                s.ready++;
                const Cycle left = s.storer.store(stored, s.free + c_->sums_done, there);
                s.banks.push(left);
                if (g_.table) s.tables.push(left);
                s.tiles_from = s.started + c_->block_setup;
            },
            [&](Words& value) { s.write_all(value, before); },
            [&](const int64_t* value) { s.read_all(value, before); });
    }

    // The chunks of a block after the first.
    void other_chunks(int64_t rows, int64_t panels, int64_t a, int64_t b) {
        const int64_t a_step = chunk_ * c_->panel_bytes, b_step = chunk_ * places_->b_stride;
        const auto at = [&](int64_t i) {
            chunk(rows, panels, a + i * a_step, b + i * b_step, i, true, true, NEVER);
        };
        const bool whole = a_cuts(a) < 0;
        repeat(
            static_cast<Chunking&>(*s_), in_chunks_, chunks_ - 2, [&](int64_t i) { at(i + 1); },
            [&](int64_t chunks) {
                return (whole || aligned(chunks * a_step)) && aligned(chunks * b_step);
            });
        at(chunks_ - 1);
    }

    // Returns the cycle in which the parameters of a block are on chip.
    Cycle parameters(int64_t addr, int64_t bytes) {
        Blocks& s = *s_;
        if (s.tables.before != NEVER) s.ready = std::max(s.ready, s.tables.before + 1);
        const Cycle accepted = s.reader.accepts(s.ready);
        s.ready = accepted + 1;
        return s.reader.request(accepted, addr, bytes / c_->beat_bytes, [](Cycle, int64_t) {}) +
               c_->sram_registers;
    }

    // Loads a chunk, unless it is there, and its tiles, and executes them. `bank`: when that of the block
    // is free, of its first chunk; `a` and `b`: addresses. The same in the same state takes the same time.
    void chunk(int64_t rows, int64_t panels, int64_t a, int64_t b, int64_t index, bool loads,
               bool leaves, Cycle bank) {
        Blocks& s = *s_;
        const Design& c = *c_;
        const int64_t steps = std::min(chunk_, k_panels_ - index * chunk_);
        const int64_t beats = loads ? row_beats(steps, index == chunks_ - 1) : 0;
        const int64_t in_a = cuts(c, a, places_->a_stride, beats);
        const int64_t in_b =
            cuts(c, b, places_->b_stride, panels * (c.tile_bytes / c.beat_bytes));
        const Cycle before = s.ready;
        chunks_known_.recall(
            [&](Words& key) {
                key.push({rows, panels, steps, beats, loads, leaves, in_a, in_b});
                if (loads) {
                    s.Chunking::write(key);
                } else {
                    s.Stepping::write(key);
                }
                Writing(key, before).time_after(bank, before + s.reader.latency());
            },
            [&] {
                Cycle there = NEVER;
                if (loads) {
                    there = activations(rows, a, beats);
                } else {
                    s.ready++;
                }
                weights(rows, panels, b, there, bank);
                const int64_t stride = places_->b_stride;
                repeat(
                    static_cast<Stepping&>(s), in_steps_, steps - 1,
                    [&](int64_t i) { weights(rows, panels, b + (i + 1) * stride, NEVER, NEVER); },
                    [&](int64_t count) { return in_b < 0 || aligned(count * stride); });
            },
            [&](Words& value) {
                Writing to(value, before);
                s.Stepping::write_all(to);
            },
            [&](const int64_t* value) {
                Reading from(value, before);
                s.Stepping::read_all(from);
            });
        if (leaves) s.chunks.push(s.free + c.rows);
    }

    // Beats of a row of a chunk of A.
    int64_t row_beats(int64_t steps, bool last) const {
        const Design& c = *c_;
        if (c.beats_per_word == 1) return ceil_div(steps, c.panels_per_word);
        const int64_t beats = steps * c.beats_per_word;
        if (!last) return beats;
        const int64_t tail = g_.k - (k_panels_ - 1) * c.rows;
        return beats + ceil_div(tail * c.a_bytes, c.beat_bytes) - c.beats_per_word;
    }

    // Returns the cycle in which the chunk is on chip.
    Cycle activations(int64_t rows, int64_t addr, int64_t beats) {
        Blocks& s = *s_;
        if (s.chunks.before != NEVER) s.ready = std::max(s.ready, s.chunks.before + 1);
        s.ready++;
        const bool uncut = cuts(*c_, addr, places_->a_stride, beats) < 0;
        repeat(
            static_cast<Loading&>(s), in_rows_, rows - 1,
            [&](int64_t i) { load_row(addr + i * places_->a_stride, beats); },
            [&](int64_t count) { return uncut || aligned(count * places_->a_stride); });
        return load_row(addr + (rows - 1) * places_->a_stride, beats) + c_->sram_registers;
    }

    Cycle load_row(int64_t addr, int64_t beats) {
        Loading& s = *s_;
        const Cycle accepted = s.reader.accepts(s.ready);
        s.ready = accepted + 1;
        return s.reader.request(accepted, addr, beats, [](Cycle, int64_t) {});
    }

    // The tiles of one step of K: loads them and executes them. `chunk` and `bank`: from when on the first
    // finds its activations, and its bank free.
    void weights(int64_t rows, int64_t panels, int64_t addr, Cycle chunk, Cycle bank) {
        Stepping& s = *s_;
        const Design& c = *c_;
        const int64_t tile_beats = c.tile_bytes / c.beat_bytes;
        const Cycle room = s.tiles[c.weight_tiles - panels];
        if (room != NEVER) s.ready = std::max(s.ready, room + 1);
        const Cycle accepted = s.reader.accepts(s.ready);
        s.ready = accepted + 1;
        int64_t owed = tile_beats;  // beats to the end of the next tile
        Cycle earliest = std::max(s.free, s.tiles_from);
        earliest = std::max({earliest, bank + 1, chunk + 1});
        s.reader.request(accepted, addr, panels * tile_beats, [&](Cycle first, int64_t beats) {
            while (beats >= owed) {
                const Cycle there = first + owed - 1 + c.sram_registers;
                const Cycle begins = std::max(s.started, there + 1);
                const Cycle start = std::max({earliest, begins + 1, begins + c.load_cycles});
                s.tiles.push(begins + c.weights_leave);
                s.started = start;
                earliest = s.free = start + rows;
                first += owed;
                beats -= owed;
                owed = tile_beats;
            }
            owed -= beats;
        });
        s.tiles_from = NEVER;
    }

    const Design* c_ = nullptr;
    Gemm g_;
    Tiling t_;
    std::optional<Places> places_;
    int64_t k_panels_, n_panels_;
    int64_t chunk_, chunks_;   // panels of K of a chunk, and how many there are
    int64_t width_, columns_;  // panels of N of a block, and how many there are
    int64_t span_;             // bytes between places at which a burst may always begin
    std::optional<Blocks> s_;
    Mark in_rows_, in_steps_, in_chunks_, in_columns_, in_blocks_;
    Storer::Shared shared_;
    Memo chunks_known_, blocks_known_, rows_known_;
};
