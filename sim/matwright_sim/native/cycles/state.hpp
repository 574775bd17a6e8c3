// SPDX-License-Identifier: Apache-2.0
// The machine between two tiles, two chunks, two blocks. A state is written as far as what comes can
// depend on it, so that many are one; each loop has the part that it changes.

#pragma once

#include <algorithm>
#include <vector>

#include "design.hpp"
#include "reader.hpp"
#include "storer.hpp"
#include "words.hpp"

// When the last tiles left the ring: runs of tiles that leave at equal intervals.
class Ring {
public:
    explicit Ring(int64_t tiles) : runs_(size_t(tiles)), mask_(size_t(tiles) - 1), tiles_(tiles) {}

    void push(Cycle cycle) {
        if (count_ == tiles_) drop();
        count_++;
        if (begin_ != end_) {
            Run& run = runs_[(end_ - 1) & mask_];
            const Cycle step = cycle - run.last;
            if (run.count == 1) run.step = step;
            if (run.step == step) {
                run.last = cycle;
                run.count++;
                return;
            }
        }
        runs_[end_++ & mask_] = {cycle, 0, 1};
    }

    // Of the last tile, that before, ...: 0, 1, ...
    Cycle operator[](int64_t age) const {
        if (age >= count_) return NEVER;
        for (size_t i = end_ - 1;; i--) {
            const Run& run = runs_[i & mask_];
            if (age < run.count) return run.last - age * run.step;
            age -= run.count;
        }
    }

    // Those that keep requests waiting which are on offer from cycle `ready` on; later ones leave later.
    void write(Writing& to, Cycle ready) {
        while (begin_ != end_) {
            Run& run = runs_[begin_ & mask_];
            const Cycle kept = run.last < ready  ? 0
                               : run.count == 1 ? 1
                                                : std::min(run.count, (run.last - ready) / run.step + 1);
            count_ -= run.count - kept;
            run.count = kept;
            if (kept) break;
            begin_++;
        }
        to.room(3 * (end_ - begin_) + 16);
        to.value(end_ - begin_);
        for (size_t i = begin_; i != end_; i++) {
            const Run& run = runs_[i & mask_];
            to.time(run.last);
            to.value(run.count == 1 ? 0 : run.step);
            to.value(run.count);
        }
    }
    void read(Reading& from) {
        size_t runs;
        from.value(runs);
        begin_ = 0;
        end_ = runs;
        count_ = 0;
        for (size_t i = 0; i < runs; i++) {
            Run& run = runs_[i];
            from.time(run.last);
            from.value(run.step);
            from.value(run.count);
            count_ += run.count;
        }
    }
    void shift(Cycle by) {
        for (size_t i = begin_; i != end_; i++) runs_[i & mask_].last += by;
    }

private:
    struct Run {
        Cycle last, step;
        int64_t count;
    };

    // Forgets the oldest.
    void drop() {
        count_--;
        if (--runs_[begin_ & mask_].count == 0) begin_++;
    }

    std::vector<Run> runs_;
    size_t mask_, begin_ = 0, end_ = 0;
    int64_t tiles_, count_ = 0;
};

// The two places of chunks, banks or tables: when the last two left theirs.
struct Pair {
    Cycle last = NEVER, before = NEVER;

    void push(Cycle cycle) {
        before = last;
        last = cycle;
    }
    // What matters to something that happens after a cycle.
    void write(Writing& to, Cycle cycle) const {
        to.time_after(last, cycle);
        to.time_after(before, cycle);
    }
    template <class Archive>
    void archive(Archive& to) {
        to.time(last);
        to.time(before);
    }
    void shift(Cycle by) {
        move(last, by);
        move(before, by);
    }
};

// What a row of a chunk changes.
struct Loading {
    Reader reader;
    Cycle ready = 0;  // from which on the next request is on offer

    Cycle now() const { return ready; }
    void write(Words& words) const {
        Writing to(words, ready);
        reader.write(to, ready);
    }
    void shift(Cycle by) {
        ready += by;
        reader.shift(by);
    }
};

// What a step of K changes.
struct Stepping : Loading {
    Ring tiles;
    Cycle started = 0, free = 0;  // the last tile's start, and the end of its rows
    Cycle tiles_from = 0;         // from which on the first tile of a block may start

    void write(Words& words) {
        Loading::write(words);
        Writing to(words, ready);
        tiles.write(to, ready);
        // No tile that is asked for from now on begins before.
        const Cycle soonest = ready + reader.latency();
        to.time_after(started, soonest);
        to.time_after(free, soonest);
        to.time_after(tiles_from, soonest);
    }
    // All of it, for what follows a state that is known.
    void write_all(Writing& to) {
        reader.write(to, ready);
        tiles.write(to, ready);
        for (const Cycle cycle : {ready, started, free, tiles_from}) to.time(cycle);
    }
    void read_all(Reading& from) {
        reader.read(from);
        tiles.read(from);
        for (Cycle* cycle : {&ready, &started, &free, &tiles_from}) from.time(*cycle);
    }
    void shift(Cycle by) {
        Loading::shift(by);
        tiles.shift(by);
        move(started, by);
        move(free, by);
        move(tiles_from, by);
    }
};

// What a chunk changes.
struct Chunking : Stepping {
    Pair chunks;

    void write(Words& words) {
        Stepping::write(words);
        Writing to(words, ready);
        chunks.write(to, ready - 1);
    }
    void shift(Cycle by) {
        Stepping::shift(by);
        chunks.shift(by);
    }
};

// What a block changes: all.
struct Blocks : Chunking {
    Storer storer;
    Pair banks, tables;
    bool keeps_chunk = false;  // blocks that share their chunk leave alone when one left

    void write(Words& words) {
        if (keeps_chunk) {
            Stepping::write(words);
        } else {
            Chunking::write(words);
        }
        Writing to(words, ready);
        banks.write(to, ready + reader.latency());
        tables.write(to, ready - 1);
        storer.write(words, ready);
    }
    void write_all(Words& words, Cycle base) {
        Writing to(words, base);
        Chunking::write_all(to);
        for (Pair* pair : {&chunks, &banks, &tables}) pair->archive(to);
        storer.write(words, base);
    }
    void read_all(const int64_t* words, Cycle base) {
        Reading from(words, base);
        Chunking::read_all(from);
        const Pair kept = chunks;
        for (Pair* pair : {&chunks, &banks, &tables}) pair->archive(from);
        if (keeps_chunk) chunks = kept;
        storer.read(from);
    }
    void shift(Cycle by) {
        if (keeps_chunk) {
            Stepping::shift(by);
        } else {
            Chunking::shift(by);
        }
        banks.shift(by);
        tables.shift(by);
        storer.shift(by);
    }
};
