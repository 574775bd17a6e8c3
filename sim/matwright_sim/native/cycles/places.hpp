// SPDX-License-Identifier: Apache-2.0
// Addresses: cycles/gemm.py.

#pragma once

#include <algorithm>

#include "design.hpp"

// Where a GEMM's operands are, as the driver places them on an empty device.
struct Places {
    int64_t table = 0, a = 0, b = 0, d = 0, program = 0, end = 0;
    int64_t a_stride, b_stride, d_stride;

    Places(const Design& c, const Gemm& g) {
        const auto beats = [&](int64_t bytes) { return ceil_div(bytes, c.beat_bytes) * c.beat_bytes; };
        const int64_t k_panels = ceil_div(g.k, c.rows), n_panels = ceil_div(g.n, c.cols);
        const int64_t size = g.raw ? 4 : 1;
        const int64_t tail = g.n - (n_panels - 1) * c.cols;
        a_stride = beats(k_panels * c.panel_bytes);
        b_stride = n_panels * c.tile_bytes;
        d_stride = beats(((n_panels - 1) * c.col_pitch + tail) * size);
        // A next GEMM that reads the result as A reads whole panels of `rows`.
        if (!g.raw) d_stride = std::max(d_stride, beats(ceil_div(g.n, c.rows) * c.panel_bytes));
        const auto take = [&](int64_t bytes) {
            const int64_t place = end;
            end += std::max<int64_t>(1, ceil_div(bytes, c.alignment)) * c.alignment;
            return place;
        };
        if (g.table) table = take(n_panels * c.col_pitch * PARAMETER_BYTES);
        a = take(g.m * a_stride);
        b = take(k_panels * b_stride);
        d = take(g.m * d_stride);
        program = take(DESCRIPTOR_BYTES);
    }

    static constexpr int64_t PARAMETER_BYTES = 8, DESCRIPTOR_BYTES = 64;
};
