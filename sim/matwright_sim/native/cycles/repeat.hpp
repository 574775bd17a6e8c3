// SPDX-License-Identifier: Apache-2.0
// A loop over a machine that comes back to a state it was in skips what it has already seen.

#pragma once

#include "design.hpp"

// Calls body(i) for i from 0 to count - 1, which changes state. Nothing that body does depends on when it
// does it; so if state is what it was some calls before, only later, and aligned(calls) says that
// addresses are as they were then, what follows is what followed then. The rest is added up in whole
// periods. The search for the period is Brent's: a mark is kept at calls 1, 2, 4, 8, ...
template <class State, class Body, class Aligned>
void repeat(State& state, State& mark, int64_t count, Body body, Aligned aligned) {
    int64_t marked = 0;
    for (int64_t i = 0; i < count;) {
        body(i++);
        if (count - i < 2) continue;
        if (marked && aligned(i - marked)) {
            const Cycle shift = state.now() - mark.now();
            if (state.same(mark, shift)) {
                const int64_t period = i - marked;
                const int64_t periods = (count - i) / period;
                state.shift(periods * shift);
                i += periods * period;
                while (i < count) body(i++);
                return;
            }
        }
        if ((i & (i - 1)) == 0) {
            mark = state;
            marked = i;
        }
    }
}
