// SPDX-License-Identifier: Apache-2.0
// States as words, with cycles told from a base: equal words, equal futures.

#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <vector>

#include "design.hpp"

// A vector that is made room in before it is written to, not with each word.
class Words {
public:
    void clear() { size_ = 0; }
    void room(size_t more) {
        if (size_ + more > words_.size()) words_.resize(2 * (size_ + more));
    }
    void push(int64_t word) { words_[size_++] = word; }
    void push(std::initializer_list<int64_t> words) {
        room(words.size());
        for (const int64_t word : words) push(word);
    }
    size_t size() const { return size_; }
    const int64_t* data() const { return words_.data(); }
    bool operator==(const Words& other) const {
        return size_ == other.size_ &&
               !std::memcmp(data(), other.data(), size_ * sizeof(int64_t));
    }

private:
    std::vector<int64_t> words_ = std::vector<int64_t>(256);
    size_t size_ = 0;
};

// Writes what a state is.
class Writing {
public:
    Writing(Words& words, Cycle base) : words_(words), base_(base) {}
    // Before more than that many words.
    void room(size_t words) { words_.room(words); }
    void time(Cycle cycle) { words_.push(cycle == NEVER ? NEVER : cycle - base_); }
    // A cycle that means nothing unless it is later than another.
    void time_after(Cycle cycle, Cycle other) { time(cycle <= other ? NEVER : cycle); }
    template <class T>
    void value(const T& value) {
        words_.push(int64_t(value));
    }
    // Some flags in a word.
    template <class... Flags>
    void flags(const Flags&... flags) {
        int64_t word = 0;
        ((word = word << 1 | flags), ...);
        words_.push(word);
    }
    // Two integers of 32 bits in a word.
    void pair(const int32_t& one, const int32_t& other) {
        words_.push(int64_t(one) << 32 | uint32_t(other));
    }

private:
    Words& words_;
    Cycle base_;
};

// Reads it again, later or earlier.
class Reading {
public:
    Reading(const int64_t* words, Cycle base) : words_(words), base_(base) {}
    void room(size_t) {}
    void time(Cycle& cycle) {
        cycle = *words_ == NEVER ? NEVER : *words_ + base_;
        words_++;
    }
    template <class T>
    void value(T& value) {
        value = T(*words_++);
    }
    template <class... Flags>
    void flags(Flags&... flags) {
        const int64_t word = *words_++;
        int at = sizeof...(flags);
        ((flags = word >> --at & 1), ...);
    }
    void pair(int32_t& one, int32_t& other) {
        one = int32_t(*words_ >> 32);
        other = int32_t(*words_++);
    }

private:
    const int64_t* words_;
    Cycle base_;
};

// What followed from what, as words. What is done in a state that was there before is not done again.
class Memo {
public:
    // Forgets all. Unless `used`, nothing is kept: what does not repeat itself costs more to keep.
    void clear() {
        table_.assign(SLOTS, Slot{});
        words_.clear();
        kept_ = 0;
    }
    void use(bool used) { used_ = used; }

    // key(words) tells all that run() depends on, write(words) what came of it, read(words) makes it so.
    template <class Key, class Run, class Write, class Read>
    void recall(Key key, Run run, Write write, Read read) {
        if (!used_) return run();
        key_.clear();
        key(key_);
        const uint64_t hash = hashed(key_.data(), key_.size());
        if (const int64_t* found = find(hash)) return read(found);
        run();
        value_.clear();
        write(value_);
        keep(hash);
    }

private:
    static constexpr size_t SLOTS = 1 << 12, MOST_WORDS = 1 << 21;
    struct Slot {
        uint64_t hash = 0;
        uint32_t at = 0, size = 0;
        bool used = false;
    };

    // Four chains of multiplications side by side, which a processor overlaps.
    static uint64_t hashed(const int64_t* words, size_t count) {
        constexpr uint64_t ODD = 0xff51afd7ed558ccd;
        uint64_t part[4] = {count, 1, 2, 3};
        size_t i = 0;
        for (; i + 4 <= count; i += 4)
            for (size_t j = 0; j < 4; j++)
                part[j] = rotated(part[j] ^ uint64_t(words[i + j])) * ODD;
        for (; i < count; i++) part[0] = rotated(part[0] ^ uint64_t(words[i])) * ODD;
        uint64_t hash = 0;
        for (const uint64_t one : part) hash = rotated(hash ^ one) * ODD;
        return hash ^ hash >> 32;
    }
    static uint64_t rotated(uint64_t word) { return word << 29 | word >> 35; }

    const int64_t* find(uint64_t hash) const {
        for (size_t i = hash % SLOTS; table_[i].used; i = (i + 1) % SLOTS) {
            const Slot& slot = table_[i];
            if (slot.hash == hash && slot.size == key_.size() &&
                !std::memcmp(&words_[slot.at], key_.data(), slot.size * sizeof(int64_t)))
                return &words_[slot.at + slot.size];
        }
        return nullptr;
    }

    void keep(uint64_t hash) {
        if (kept_ > SLOTS / 2 || words_.size() > MOST_WORDS) clear();
        size_t i = hash % SLOTS;
        while (table_[i].used) i = (i + 1) % SLOTS;
        table_[i] = {hash, uint32_t(words_.size()), uint32_t(key_.size()), true};
        for (const Words* words : {&key_, &value_})
            words_.insert(words_.end(), words->data(), words->data() + words->size());
        kept_++;
    }

    bool used_ = true;
    std::vector<Slot> table_ = std::vector<Slot>(SLOTS);
    std::vector<int64_t> words_;
    size_t kept_ = 0;
    Words key_, value_;
};
