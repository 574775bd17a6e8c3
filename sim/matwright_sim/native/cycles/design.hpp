// SPDX-License-Identifier: Apache-2.0
// A configuration as far as its cycles go, and a GEMM on it.

#pragma once

#include <cstdint>

using Cycle = int64_t;

// Earlier than anything: what has not happened keeps nobody waiting.
constexpr Cycle NEVER = INT64_MIN / 4;

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

inline void move(Cycle& cycle, Cycle shift) {
    if (cycle != NEVER) cycle += shift;
}

// The order of the fields is that of FIELDS in cycles/estimate.py.
struct Design {
    int64_t rows, cols, col_pitch, load_cycles;
    int64_t panel_bytes, tile_bytes, a_bytes;  // of a panel of a row of A, a tile, an element
    int64_t panels_per_word, beats_per_word, activation_words;  // words of half the scratchpad
    int64_t weight_tiles, accumulator_rows, column_panels;
    int64_t beat_bytes, max_burst, outstanding, addr_width, alignment;
    int64_t max_m, max_n, max_k;
    int64_t weights_leave, sums_done;  // from a tile's begin, and from its last row on
    int64_t descriptor_beats, n_beat, k_beat, n_divides, k_divides;
    int64_t settles, checks;  // cycles of RegionCheck
    int64_t execute_setup, block_setup;
    int64_t store_stages, post_stages, post_raw_stages, serial_runs, serial_raw_runs, queue_depth;
    int64_t post_lanes, post_queued, post_serial;
    int64_t single, request_registers, sram_registers, unchecked;
};

// How requests of some beats, one every `stride` bytes and all of these again every `step` bytes, are cut
// into bursts. A burst ends at the latest at multiples of its greatest length; requests that reach none of
// them but at their ends are not cut, wherever they are: -1.
inline int64_t cuts(const Design& design, int64_t addr, int64_t stride, int64_t beats,
                    int64_t step = 0) {
    const int64_t span = design.max_burst * design.beat_bytes;
    const int64_t places = addr | stride | step | span;
    const int64_t phase = addr / design.beat_bytes % design.max_burst;
    const bool apart = beats * design.beat_bytes <= (places & -places);
    const bool alike = (stride | step) % span == 0 && phase + beats <= design.max_burst;
    if (apart || alike) return -1;
    return phase * design.max_burst + stride / design.beat_bytes % design.max_burst;
}

struct Memory {
    int64_t read_latency, write_latency;
};

struct Tiling {
    int64_t rows, n_log2, k_log2;
};

struct Gemm {
    int64_t m, n, k;
    bool raw, table;
};
