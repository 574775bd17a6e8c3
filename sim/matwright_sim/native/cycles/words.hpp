// SPDX-License-Identifier: Apache-2.0
// States as words, with cycles told from a base: equal words, equal futures.

#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "design.hpp"

using Words = std::vector<int64_t>;

// Writes what a state is.
class Writing {
public:
    Writing(Words& words, Cycle base) : words_(words), base_(base) {}
    void time(Cycle cycle) { words_.push_back(cycle == NEVER ? NEVER : cycle - base_); }
    // A cycle that means nothing unless it is later than another.
    void time_after(Cycle cycle, Cycle other) { time(cycle <= other ? NEVER : cycle); }
    template <class T>
    void value(const T& value) {
        words_.push_back(int64_t(value));
    }

private:
    Words& words_;
    Cycle base_;
};

// Reads it again, later or earlier.
class Reading {
public:
    Reading(const int64_t* words, Cycle base) : words_(words), base_(base) {}
    void time(Cycle& cycle) {
        cycle = *words_ == NEVER ? NEVER : *words_ + base_;
        words_++;
    }
    template <class T>
    void value(T& value) {
        value = T(*words_++);
    }

private:
    const int64_t* words_;
    Cycle base_;
};

// What followed from what, as words.
class Memo {
public:
    Memo() { clear(); }

    void clear() {
        table_.assign(SLOTS, Slot{});
        words_.clear();
        used_ = 0;
    }

    // The words that were kept for these, or nothing.
    const int64_t* find(const Words& key) {
        hash_ = 0x9e3779b97f4a7c15;
        for (const int64_t word : key) {
            hash_ = (hash_ ^ uint64_t(word)) * 0xff51afd7ed558ccd;
            hash_ ^= hash_ >> 32;
        }
        for (size_t i = hash_ % SLOTS;; i = (i + 1) % SLOTS) {
            const Slot& slot = table_[i];
            if (!slot.used) return nullptr;
            if (slot.hash == hash_ && slot.size == key.size() &&
                !std::memcmp(&words_[slot.at], key.data(), key.size() * sizeof(int64_t)))
                return &words_[slot.at + slot.size];
        }
    }

    // Keeps words for those that were looked for last, among any that were not found since `hash`.
    uint64_t hash() const { return hash_; }
    void keep(uint64_t hash, const Words& key, const Words& value) {
        if (used_ > SLOTS / 2 || words_.size() > MOST_WORDS) clear();
        size_t i = hash % SLOTS;
        while (table_[i].used) i = (i + 1) % SLOTS;
        table_[i] = {hash, uint32_t(words_.size()), uint32_t(key.size()), true};
        words_.insert(words_.end(), key.begin(), key.end());
        words_.insert(words_.end(), value.begin(), value.end());
        used_++;
    }

private:
    static constexpr size_t SLOTS = 1 << 12, MOST_WORDS = 1 << 21;
    struct Slot {
        uint64_t hash = 0;
        uint32_t at = 0, size = 0;
        bool used = false;
    };
    std::vector<Slot> table_;
    Words words_;
    size_t used_ = 0;
    uint64_t hash_ = 0;
};
