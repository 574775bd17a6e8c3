// SPDX-License-Identifier: Apache-2.0
// The harness of an accelerator with mutants in it: a bit of a vector switches each on.

#include "harness.cpp"

#include "Vtop___024root.h"

API void mw_mutant(void* self, uint32_t index, int on) {
    auto& mutants = static_cast<Harness*>(self)->model().rootp->mutated__DOT__mutant;
    const uint32_t bit = uint32_t(1) << index % 32;
    mutants[index / 32] = on ? mutants[index / 32] | bit : mutants[index / 32] & ~bit;
}

API void mw_weaken(void* self, uint32_t what, uint32_t stray) {
    auto& root = *static_cast<Harness*>(self)->model().rootp;
    root.mutated__DOT__weakened = what;
    root.mutated__DOT__strayed = stray;
}
