// SPDX-License-Identifier: Apache-2.0
// The driver's rule for cutting a GEMM into blocks and chunks, with its words: matwright_sw/tiling.py.

#pragma once

#include <algorithm>
#include <tuple>
#include <vector>

#include "design.hpp"

// A tiling and what it is expected to cost.
struct Choice {
    int64_t loading, cycles, rows, n_log2, k_log2;

    Tiling tiling() const { return {rows, n_log2, k_log2}; }
    bool operator<(const Choice& other) const { return fields() < other.fields(); }
    std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t> fields() const {
        return {loading, cycles, rows, n_log2, k_log2};
    }
};

// Of the choices that are as fast as the fastest, up to a part in SLACK, the first.
inline const Choice& best_of(const std::vector<Choice>& choices) {
    constexpr int64_t SLACK = 4096;
    int64_t fastest = INT64_MAX;
    for (const Choice& choice : choices) fastest = std::min(fastest, choice.cycles);
    const Choice* best = nullptr;
    for (const Choice& choice : choices)
        if (choice.cycles <= fastest + fastest / SLACK && (!best || choice < *best)) best = &choice;
    return *best;
}

class Rule {
public:
    // Whether the device accepts a tiling of blocks of so many columns: its TILE check.
    static bool legal(const Design& c, const Gemm& gemm, const Tiling& t) {
        const int64_t per_word_log2 = log2(c.panels_per_word);
        if (t.rows < 1 || t.rows > MAX_TILE_ROWS || t.n_log2 < 0 || t.n_log2 > MAX_LOG2 ||
            t.k_log2 < per_word_log2 || t.k_log2 > MAX_LOG2)
            return false;
        const bool one_column = gemm.n <= c.cols << t.n_log2;
        return int64_t(1) << t.n_log2 <= c.column_panels &&
               t.rows << t.n_log2 <= c.accumulator_rows &&
               t.rows << (t.k_log2 - per_word_log2) <= c.activation_words &&
               (one_column || c.col_pitch << t.n_log2 >= c.beat_bytes);
    }

    // All choices that the rule looks at; valid until the next call. With `best` those may be missing that
    // are slower than others.
    const std::vector<Choice>& choices(const Design& design, const Gemm& gemm, bool best = false) {
        most_ = best ? INT64_MAX - 1 : INT64_MAX;
        c_ = &design;
        g_ = gemm;
        k_panels_ = ceil_div(g_.k, c_->rows);
        burst_cost_ = ceil_div(LATENCY, c_->outstanding);
        found_.clear();
        const int64_t per_word_log2 = log2(c_->panels_per_word);
        const int64_t most_n = std::min(log2(c_->column_panels), up_log2(ceil_div(g_.n, c_->cols)));
        const int64_t most_k = std::min(MAX_LOG2, std::max(per_word_log2, up_log2(k_panels_)));
        n_panels_ = ceil_div(g_.n, c_->cols);
        of_tile_ = transfer(c_->tile_bytes);
        chunks_.clear();
        for (int64_t k_log2 = per_word_log2; k_log2 <= most_k; k_log2++)
            chunks_.push_back(of_chunk(k_log2));
        for (int64_t n_log2 = most_n; n_log2 >= 0; n_log2--) {
            const bool one_column = g_.n <= c_->cols << n_log2;
            if (!one_column && c_->col_pitch << n_log2 < c_->beat_bytes) continue;
            const OfColumns columns = of_columns(n_log2);
            for (const OfChunk& chunk : chunks_) {
                const int64_t tallest =
                    std::min({g_.m, c_->accumulator_rows >> n_log2,
                              c_->activation_words >> (chunk.k_log2 - per_word_log2), MAX_TILE_ROWS});
                if (tallest == 0) continue;
                const int64_t blocks = ceil_div(g_.m, tallest);
                int64_t before = 0;
                for (int64_t parts = 1; parts <= 4; parts++) {
                    const int64_t rows = ceil_div(g_.m, blocks * parts);
                    if (rows != before) add(rows, columns, chunk);
                    before = rows;
                }
            }
        }
        return found_;
    }

private:
    static constexpr int64_t LATENCY = 64, CHUNK_COST = 4;
    static constexpr int64_t MAX_TILE_ROWS = (1 << 16) - 1, MAX_LOG2 = 15;

    struct Work {
        int64_t load, compute, store;
    };

    static int64_t log2(int64_t value) { return 63 - __builtin_clzll(uint64_t(value)); }
    static int64_t up_log2(int64_t value) { return value > 1 ? log2(value - 1) + 1 : 0; }

    int64_t transfer(int64_t bytes) const {
        const int64_t beats = ceil_div(bytes, c_->beat_bytes);
        return std::max(beats, ceil_div(beats, c_->max_burst) * burst_cost_);
    }

    // What follows from how K is cut.
    struct OfChunk {
        int64_t k_log2, chunks;
        int64_t a_segment, a_row;  // cycles to load a row of a chunk, and of all
    };

    // Blocks of some columns: cycles to load B and the table, cycles to store a row.
    struct Columns {
        int64_t panels, load, store;
    };

    // What follows from how N is cut: into `full` blocks and one of the rest.
    struct OfColumns {
        int64_t n_log2, full;
        bool rest;
        Columns block, tail;
    };

    OfChunk of_chunk(int64_t k_log2) const {
        const int64_t chunk = std::min(k_panels_, int64_t(1) << k_log2);
        const int64_t full = k_panels_ / chunk, tail = k_panels_ % chunk;
        const int64_t segment = transfer(chunk * c_->panel_bytes);
        const int64_t rest = tail ? transfer(tail * c_->panel_bytes) : 0;
        return {k_log2, full + (tail > 0), segment, full * segment + rest};
    }

    OfColumns of_columns(int64_t n_log2) const {
        const int64_t n_block = c_->cols << n_log2;
        const int64_t parameters = g_.table ? 8 * c_->col_pitch : 0;
        const int64_t lanes = ceil_div(c_->cols, c_->post_lanes);
        const auto columns = [&](int64_t count) {
            const int64_t panels = ceil_div(count, c_->cols);
            return Columns{
                panels,
                k_panels_ * transfer(panels * c_->tile_bytes) + transfer(panels * parameters),
                std::max(panels * lanes, transfer(count * (g_.raw ? 4 : 1)))};
        };
        const int64_t full = g_.n / n_block, tail = g_.n % n_block;
        return {n_log2, full, tail > 0, columns(n_block), columns(tail)};
    }

    // Cycles of load, compute and store of a block, which loads its A or finds it there.
    Work work(int64_t rows, const Columns& columns, const OfChunk& k, bool loads_a) const {
        int64_t load = columns.load, requests = k_panels_ + g_.table;
        if (loads_a) {
            load += rows * k.a_row;
            requests += k.chunks * (rows + CHUNK_COST);
        }
        return {std::max(load, requests),
                k_panels_ * columns.panels * std::max(rows, c_->load_cycles),
                rows * columns.store};
    }

    void add(int64_t tile_rows, const OfColumns& n, const OfChunk& k) {
        const int64_t whole = g_.m / tile_rows, rest = g_.m % tile_rows;
        // The rule expects no fewer cycles than the array works.
        const int64_t compute = whole * std::max(tile_rows, c_->load_cycles) +
                                (rest ? std::max(rest, c_->load_cycles) : 0);
        if (k_panels_ * n_panels_ * compute > most_) return;
        const bool again = k.chunks > 1;
        const int64_t first = std::min(g_.m, tile_rows) * k.a_segment + of_tile_;
        int64_t busiest = 0, loading = 0, early = first;
        const std::pair<int64_t, int64_t> parts_of_rows[] = {{tile_rows, whole}, {rest, 1}};
        for (const auto& [rows, rows_of_blocks] : parts_of_rows) {
            if (!rows || !rows_of_blocks) continue;
            count_ = 0;
            put(1, work(rows, n.full ? n.block : n.tail, k, true));
            if (n.full) {
                put(n.full - 1, work(rows, n.block, k, again));
                if (n.rest) put(1, work(rows, n.tail, k, again));
            }
            int64_t loads = 0;
            for (int i = 0; i < count_; i++) loads += many_[i] * parts_[i].load;
            if (again) {
                busiest += pace(early, true) + (rows_of_blocks - 1) * pace(0, true);
            } else {
                const int64_t alone = pace(0, false);
                busiest += std::max(loads - early, alone);
                busiest += (rows_of_blocks - 1) * std::max(loads, alone);
            }
            loading += rows_of_blocks * loads;
            early = 0;
        }
        const int64_t drain = c_->load_cycles + c_->rows + c_->cols;
        const int64_t stored = (rest ? rest : tile_rows) * (n.rest ? n.tail : n.block).store;
        const int64_t cycles = LATENCY + first + busiest + drain + stored;
        found_.push_back({loading, cycles, tile_rows, n.n_log2, k.k_log2});
        if (most_ != INT64_MAX) most_ = std::min(most_, cycles + cycles / 1024);
    }

    void put(int64_t many, const Work& work) {
        if (!many) return;
        many_[count_] = many;
        parts_[count_++] = work;
    }

    // Cycles of one row of blocks.
    int64_t pace(int64_t early, bool loads) const {
        int64_t cycles = 0, before = parts_[count_ - 1].store;
        for (int i = 0; i < count_; i++) {
            const int64_t load = loads ? parts_[i].load : 0;
            cycles += std::max({load - early, parts_[i].compute, before}) +
                      (many_[i] - 1) * std::max({load, parts_[i].compute, parts_[i].store});
            before = parts_[i].store;
            early = 0;
        }
        return cycles;
    }

    const Design* c_ = nullptr;
    Gemm g_{};
    int64_t k_panels_ = 0, n_panels_ = 0, burst_cost_ = 0, of_tile_ = 0;
    int64_t most_ = INT64_MAX;  // cycles beyond which a choice is of no use; if known
    std::vector<Choice> found_;
    std::vector<OfChunk> chunks_;
    Work parts_[3];
    int64_t many_[3] = {};
    int count_ = 0;
};
