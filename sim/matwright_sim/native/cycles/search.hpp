// SPDX-License-Identifier: Apache-2.0
// The best of the tilings that the rule puts first, by the cycles they take.

#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "gemm.hpp"
#include "tiling.hpp"

class Search {
public:
    // Another design comes.
    void design(const Design& design) {
        design_ = &design;
        machine_.design(design);
    }

    // One that cannot be among the best, whatever else it waits for, is not run.
    Tiling best(const Memory& memory, const Gemm& gemm) {
        const Design& design = *design_;
        const std::vector<Choice>& choices = rule_.choices(design, gemm);
        order_.assign(choices.begin(), choices.end());
        std::sort(order_.begin(), order_.end(), [](const Choice& a, const Choice& b) {
            return std::make_pair(a.cycles, a) < std::make_pair(b.cycles, b);
        });
        run_.clear();
        int64_t most = INT64_MAX;
        if (order_.size() > TRIES) order_.resize(TRIES);
        for (Choice choice : order_) {
            if (floor(design, gemm, choice) > most) continue;
            choice.cycles = machine_.run(memory, gemm, choice.tiling());
            most = std::min(most, choice.cycles + choice.cycles / 1024);
            run_.push_back(choice);
        }
        return best_of(run_).tiling();
    }

private:
    // Over random shapes the best of all is found among them but for some tenths of a percent.
    static constexpr size_t TRIES = 32;

    // No run takes less: a tile follows another when its rows, or its weights, are through; a bus carries
    // a beat a cycle each way.
    static int64_t floor(const Design& c, const Gemm& g, const Choice& t) {
        const int64_t k_panels = ceil_div(g.k, c.rows), n_panels = ceil_div(g.n, c.cols);
        const int64_t whole = g.m / t.rows, tail = g.m % t.rows;
        const int64_t row_blocks = whole + (tail > 0);
        const int64_t a_row = k_panels > int64_t(1) << t.k_log2
                                  ? ceil_div(n_panels, int64_t(1) << t.n_log2)
                                  : 1;  // times that it is read
        const int64_t rows = whole * std::max(t.rows, c.load_cycles) +
                             (tail ? std::max(tail, c.load_cycles) : 0);
        const int64_t a_beats = g.k * c.a_bytes / c.beat_bytes;
        const int64_t reads = g.m * a_row * a_beats +
                              row_blocks * k_panels * n_panels * (c.tile_bytes / c.beat_bytes);
        return std::max(k_panels * n_panels * rows, reads);
    }

    const Design* design_ = nullptr;
    Rule rule_;
    Machine machine_;
    std::vector<Choice> order_, run_;
};
