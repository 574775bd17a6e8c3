// SPDX-License-Identifier: Apache-2.0
// Which bits of a compiled design have risen and fallen.
//
// Verilator keeps a table of the signals that are public: name, place and width. Once a cycle, when
// all is settled, the storage that holds them is compared with what it was, word by word, whatever
// stands in a word; which bits are whose is looked up at the end. So a bit that moves only within a
// cycle has not moved.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "verilated.h"
#include "verilated_sym_props.h"
#include "verilated_syms.h"

class Toggles {
public:
    explicit Toggles(VerilatedContext& context) {
        for (const auto& scope : *context.scopeNameMap()) {
            if (!scope.second->varsp()) continue;
            for (const auto& entry : *scope.second->varsp()) {
                const VerilatedVar& var = entry.second;
                if (var.udims() || var.isParam()) continue;  // memories and constants
                auto place = reinterpret_cast<uintptr_t>(var.datap());
                signals.push_back({scope.first, var.name(), place, 0, unsigned(var.entBits())});
            }
        }
        layOut();
        read(old);
        rose.assign(old.size(), 0);
        fell.assign(old.size(), 0);
    }

    void sample() {
        size_t at = 0;
        for (const Span& span : spans) {
            auto* from = reinterpret_cast<const uint8_t*>(span.start);
            for (size_t i = 0; i < span.words; ++i, ++at) {
                uint64_t now;
                std::memcpy(&now, from + 8 * i, 8);
                uint64_t changed = now ^ old[at];
                rose[at] |= changed & now;
                fell[at] |= changed & ~now;
                old[at] = now;
            }
        }
    }

    // A line for each signal: scope, name, width, bits that rose, that fell and that are high, last bit
    // first.
    bool write(const char* path) const {
        std::FILE* file = std::fopen(path, "w");
        if (!file) return false;
        for (const Signal& signal : signals) {
            std::fprintf(file, "%s\t%s\t%u", signal.scope, signal.name, signal.bits);
            for (auto* bits : {&rose, &fell, &old}) {
                std::fputc('\t', file);
                write(file, signal, *bits);
            }
            std::fputc('\n', file);
        }
        return !std::fclose(file);
    }

private:
    struct Signal {
        const char *scope, *name;
        uintptr_t place;
        size_t byte;  // of all that is kept
        unsigned bits;
    };
    struct Span {
        uintptr_t start;
        size_t words;
    };

    std::vector<Signal> signals;
    std::vector<Span> spans;
    std::vector<uint64_t> old, rose, fell;

    // Whole words that hold the signals; words that follow each other are one span.
    void layOut() {
        std::vector<std::pair<uintptr_t, Signal*>> order;
        for (Signal& signal : signals) order.push_back({signal.place, &signal});
        std::sort(order.begin(), order.end());
        size_t kept = 0;
        for (auto& item : order) {
            uintptr_t first = item.first / 8 * 8;
            uintptr_t end = (item.first + (item.second->bits + 7) / 8 + 7) / 8 * 8;
            if (spans.empty() || first > stop()) spans.push_back({first, 0});
            Span& span = spans.back();
            if (end > stop()) {
                kept += (end - stop()) / 8;
                span.words = (end - span.start) / 8;
            }
            item.second->byte = 8 * (kept - span.words) + (item.first - span.start);
        }
        old.resize(kept);
    }

    uintptr_t stop() const { return spans.back().start + 8 * spans.back().words; }

    void read(std::vector<uint64_t>& to) const {
        size_t at = 0;
        for (const Span& span : spans) {
            std::memcpy(&to[at], reinterpret_cast<const void*>(span.start), 8 * span.words);
            at += span.words;
        }
    }

    static void write(std::FILE* file, const Signal& signal, const std::vector<uint64_t>& bits) {
        auto* bytes = reinterpret_cast<const uint8_t*>(bits.data()) + signal.byte;
        for (unsigned i = (signal.bits + 7) / 8; i--;) std::fprintf(file, "%02x", bytes[i]);
    }
};
