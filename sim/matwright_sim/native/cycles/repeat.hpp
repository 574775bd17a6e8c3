// SPDX-License-Identifier: Apache-2.0
// A loop over a machine that comes back to a state it was in skips what it has already seen.

#pragma once

#include "design.hpp"
#include "words.hpp"

// Where a loop keeps the state it may come back to.
struct Mark {
    Words marked, seen;
    Cycle at = 0;
};

// Calls body(i) for i from 0 to count - 1, which changes state. Nothing that body does depends on when it
// does it; so if state is what it was some calls before, only later, and aligned(calls) says that
// addresses are as they were then, what follows is what followed then, and is skipped in whole
// periods. The period is mostly one call; else it is found as Brent does, with marks at calls 4, 8, 16, ...
template <class State, class Body, class Aligned>
void repeat(State& state, Mark& mark, int64_t count, Body body, Aligned aligned) {
    int64_t marked = 0;
    for (int64_t i = 0; i < count;) {
        body(i++);
        if (count - i < 2) continue;
        mark.seen.clear();
        state.write(mark.seen);
        if (marked && mark.seen == mark.marked && aligned(i - marked)) {
            const int64_t period = i - marked;
            const int64_t periods = (count - i) / period;
            state.shift(periods * (state.now() - mark.at));
            i += periods * period;
            while (i < count) body(i++);
            return;
        }
        if (i <= 4 || (i & (i - 1)) == 0) {
            std::swap(mark.marked, mark.seen);
            mark.at = state.now();
            marked = i;
        }
    }
}
