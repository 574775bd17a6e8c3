// SPDX-License-Identifier: Apache-2.0
// Cycles of many GEMMs on many designs, behind a C interface: cycles/estimate.py.

#include <cstdint>

#include "gemm.hpp"
#include "search.hpp"
#include "tiling.hpp"

namespace {

// What the driver refuses, and the device.
bool refused(const Design& design, const Gemm& gemm) {
    return gemm.m > design.max_m || gemm.n > design.max_n || gemm.k > design.max_k ||
           Places(design, gemm).end > int64_t(1) << design.addr_width;
}

}  // namespace

#define API extern "C" __attribute__((visibility("default")))

API int64_t design_fields() { return sizeof(Design) / sizeof(int64_t); }

// How tilings are found: by the driver's rule, by a search, or they are given.
enum How : int64_t { RULE, SEARCH, GIVEN };

// The tiling (rows, n_log2, k_log2) of the program of one GEMM, for each of `designs` and each of `shapes`
// (m, n, k), or as given, and its cycles, -1 where the GEMM is refused. Fastest if designs that store alike
// follow each other.
API void estimate(const Design* designs, int64_t design_count, const int64_t (*shapes)[3],
                  int64_t shape_count, int64_t raw, int64_t table, const Memory* memory,
                  int64_t how, int64_t* cycles, int64_t (*tilings)[3]) {
    Machine machine;
    Rule rule;
    Search search;
    for (int64_t i = 0; i < design_count; i++) {
        machine.design(designs[i]);
        search.design(designs[i]);
        for (int64_t j = 0; j < shape_count; j++, cycles++, tilings++) {
            const Gemm gemm{shapes[j][0], shapes[j][1], shapes[j][2], raw != 0, table != 0};
            *cycles = -1;
            if (refused(designs[i], gemm)) continue;
            Tiling tiling{(*tilings)[0], (*tilings)[1], (*tilings)[2]};
            if (how == GIVEN && !Rule::legal(designs[i], gemm, tiling)) continue;
            if (how == RULE) tiling = best_of(rule.choices(designs[i], gemm, true)).tiling();
            if (how == SEARCH) tiling = search.best(*memory, gemm);
            (*tilings)[0] = tiling.rows;
            (*tilings)[1] = tiling.n_log2;
            (*tilings)[2] = tiling.k_log2;
            *cycles = machine.run(*memory, gemm, tiling);
        }
    }
}
