// SPDX-License-Identifier: Apache-2.0
// A memory behind an AXI4 master (IHI 0022, issue H), one call per clock cycle.
//
// Timing. "In cycle t" means: sampled at the rising edge that ends cycle t. All outputs of the
// model are registers: they change after an edge and hold for a cycle.
//   AR accepted in cycle t      its first R beat is offered in cycle t + read_latency or later;
//                               beats follow one per cycle, bursts in order.
//   AW, W                       accepted independently. A beat is written in the cycle in which it
//                               and its AW have both been accepted.
//   AW and last W beat by t     B is offered in cycle t + write_latency or later, in order.
//   R data                      read from memory when the beat is first offered, after the writes
//                               of the cycle before.
//   Room                        64 read bursts (AR to last R beat), 64 write bursts (AW to B),
//                               4096 W beats ahead of their AW; beyond, ready is low.
//   Stalls                      per cycle and channel with probability stall / 4096, ready is low
//                               or valid is not newly raised. A raised valid stays.
// A beat that does not lie inside the memory is answered DECERR; it reads 0 and is not written.
//
// Faults. A burst is given those that are armed for it when its address is accepted; they change
// what is answered, and when only by the beats that are left out or added. A beat with an error
// reads 0, a burst with one is not written. An answer that nobody asked for goes before others, as
// soon as its channel is free, in the middle of a burst too. A channel that hangs keeps what it
// has on offer and takes or offers nothing more; the draws of the stalls go on.
//
// Record. Every transfer is kept while recording is on.
//
// Watch. Windows are looked at when an address goes on offer. New addresses after irq rose, see
// ADDRESS_SLACK.
//
// matwright_sim/agents/memory.py is the same model for cocotb, without watch and with no faults but
// error responses: change the timing in both.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

// The order of the channels is the order of the fields of a random draw.
enum Channel { AW, W, B, AR, R, CHANNELS };

enum Response : uint8_t { OKAY = 0, SLVERR = 2, DECERR = 3 };

// What they do is written down in compiled.py, in the same order. A hang is HANG plus its channel.
enum Kind : uint32_t {
    READ_SLVERR, READ_DECERR, READ_LAST_EARLY, READ_LAST_LATE, READ_ID,
    WRITE_SLVERR, WRITE_DECERR, WRITE_ID,
    HANG, UNASKED_READ = HANG + CHANNELS, UNASKED_WRITE
};

// A fault that happened. A burst in flight is on offer, or issued and not answered to its end.
struct FaultEvent {
    uint64_t kind, burst, beat, address, cycle, in_flight;
};

// A transfer on a channel: the cycle, and how many cycles it was on offer before.
struct Transfer {
    uint64_t channel, cycle, waited, last;
};

struct Window {
    uint64_t base, limit;  // first and last byte
    uint64_t read, write;  // permissions
};

#define COUNTERS(X)                                                                                \
    X(read_bursts) X(read_beats) X(write_bursts) X(write_beats)                                    \
    X(read_bursts_out_of_range) X(write_bursts_out_of_range)                                       \
    X(read_bursts_in_flight_max) X(write_bursts_in_flight_max)                                     \
    X(aw_wait_cycles) X(w_wait_cycles) X(b_wait_cycles) X(ar_wait_cycles) X(r_wait_cycles)         \
    X(violation_valid_dropped) X(violation_payload_changed) X(violation_valid_in_reset)            \
    X(violation_wlast) X(violation_4k_boundary) X(violation_size) X(violation_burst)               \
    X(violation_unaligned) X(violation_outside_read) X(violation_outside_write)                    \
    X(violation_address_after_irq)                                                                 \
    X(violation_lite_valid_dropped) X(violation_lite_payload_changed)

struct Counters {
#define FIELD(name) uint64_t name = 0;
    COUNTERS(FIELD)
#undef FIELD
};

// Xorshift64* (S. Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016).
class Random {
public:
    explicit Random(uint64_t seed) : state(seed * 0x9E3779B97F4A7C15u + 0xD1B54A32D192ED03u) {
        if (!state) state = 1;
    }
    uint64_t next() {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return state * 0x2545F4914F6CDD1Du;
    }

private:
    uint64_t state;
};

// A queue of fixed room; the owner keeps count of what it may push.
template <typename T, unsigned ROOM> class Ring {
    static_assert((ROOM & (ROOM - 1)) == 0, "room must be a power of two");

public:
    bool empty() const { return head == tail; }
    unsigned size() const { return tail - head; }
    T& front() { return items[head % ROOM]; }
    T& push() { return items[tail++ % ROOM]; }
    void pop() { ++head; }
    void clear() { head = tail = 0; }

private:
    unsigned head = 0, tail = 0;
    T items[ROOM];
};

template <typename Top> class AxiMemory {
public:
    static constexpr unsigned BYTES = sizeof(Top::m_axi_rdata);
    static constexpr unsigned BURSTS = 64;
    static constexpr unsigned BEATS_AHEAD = 4096;
    static constexpr uint32_t EVERY_BEAT = ~0u;
    // Cycles of a high irq in which a new address may go on offer: the address that is made in the
    // cycle in which an error is reported goes on offer in the next one, in which irq rises.
    static constexpr uint64_t ADDRESS_SLACK = 1;

    Counters counters;
    std::vector<FaultEvent> events;
    std::vector<Transfer> transfers;  // while recording
    bool recording = false;

    AxiMemory(Top& top, uint8_t* memory, uint64_t size, uint32_t read_latency,
              uint32_t write_latency, uint32_t stall, uint64_t seed)
        : top(top), memory(memory), size(size), read_latency(read_latency),
          write_latency(write_latency), stall(stall), seed(seed), random(seed) {}

    // `at` is a burst, or the cycle of an unasked answer. `argument` is the number of beats too
    // many, or the ID with RLAST in bit 8.
    void inject(uint32_t kind, uint64_t at, uint32_t beat, uint32_t argument) {
        if (kind >= HANG && kind < HANG + CHANNELS)
            hangs[kind - HANG] = {true, false, at, beat};
        else
            faults.push_back({kind, beat, argument, at, false, false});
    }

    void release() {
        for (Hang& hang : hangs) hang.on = false;
        forget([](const Fault& fault) { return !fault.bound; });
    }

    void watch(bool on, const Window* first, unsigned count) {
        watching = on;
        windows.assign(first, first + count);
    }

    // An edge in reset: forget all work, drive everything low.
    void reset() {
        addresses.clear();
        beats->clear();
        responses.clear();
        reads.clear();
        waiting_aw.on = waiting_ar.on = waiting_w = false;
        w_burst = counters.write_bursts;
        w_beat = 0;
        irq_cycles = 0;
        std::fill(waited, waited + CHANNELS, 0);
        forget([](const Fault& fault) { return fault.bound; });
        random = Random(seed);
        top.m_axi_awready = top.m_axi_wready = top.m_axi_arready = 0;
        top.m_axi_bvalid = top.m_axi_rvalid = 0;
    }

    void check_reset() {
        if (top.m_axi_awvalid | top.m_axi_wvalid | top.m_axi_arvalid)
            ++counters.violation_valid_in_reset;
    }

    // First half of an edge: look at the master's outputs, before they change.
    void sample(uint64_t cycle) {
        this->cycle = cycle;
        irq_cycles = top.irq ? irq_cycles + 1 : 0;
        check(waiting_aw, top.m_axi_awvalid, top.m_axi_awready, counters.aw_wait_cycles,
              counters.violation_outside_write, &Window::write, [this] { return aw(); });
        check(waiting_ar, top.m_axi_arvalid, top.m_axi_arready, counters.ar_wait_cycles,
              counters.violation_outside_read, &Window::read, [this] { return ar(); });
        check_w();
        counters.b_wait_cycles += top.m_axi_bvalid && !top.m_axi_bready;
        counters.r_wait_cycles += top.m_axi_rvalid && !top.m_axi_rready;

        if (recording) record();

        b_done = top.m_axi_bvalid && top.m_axi_bready;
        r_done = top.m_axi_rvalid && top.m_axi_rready;
        if (b_done && b_ends) responses.pop();
        counters.read_beats += r_done;
        if (r_done && r_ends) reads.pop();
        if (top.m_axi_awvalid && top.m_axi_awready) accept_aw();
        if (top.m_axi_wvalid && top.m_axi_wready) accept_w();
        if (!beats->empty() && !addresses.empty()) write();
        if (top.m_axi_arvalid && top.m_axi_arready) accept_ar();
    }

    // Second half: drive the outputs of the next cycle.
    void drive() {
        uint64_t draw = stall ? random.next() >> 4 : 0;
        auto paused = [&](Channel channel) { return (draw >> 12 * channel & 0xFFF) < stall; };
        top.m_axi_awready = addresses.size() + responses.size() < BURSTS && !paused(AW) &&
                            !hung(AW, top.m_axi_awvalid, counters.write_bursts, 0);
        top.m_axi_wready = beats->size() < BEATS_AHEAD && !paused(W) &&
                           !hung(W, top.m_axi_wvalid, w_burst, w_beat);
        top.m_axi_arready = reads.size() < BURSTS && !paused(AR) &&
                            !hung(AR, top.m_axi_arvalid, counters.read_bursts, 0);

        if (b_done || !top.m_axi_bvalid) {
            bool unasked = unasked_b();
            bool offer = !unasked && due(responses) && !paused(B) &&
                         !hung(B, true, responses.front().index, 0);
            top.m_axi_bvalid = offer || unasked;
            b_ends = offer;
            if (offer) offer_b();
        }
        if (r_done || !top.m_axi_rvalid) {
            bool unasked = unasked_r();
            bool offer = !unasked && due(reads) && !paused(R) &&
                         !hung(R, true, reads.front().index, reads.front().beat);
            top.m_axi_rvalid = offer || unasked;
            r_ends = false;
            if (offer) offer_r();
        }
    }

private:
    struct Address {
        uint64_t addr;
        uint64_t rest;  // lock, cache, prot, qos: only looked at for being stable
        uint8_t id, len, size, burst;
        bool operator!=(const Address& o) const {
            return addr != o.addr || rest != o.rest || id != o.id || len != o.len ||
                   size != o.size || burst != o.burst;
        }
    };
    struct Waiting {
        bool on = false;
        Address payload;
    };
    struct Burst {
        uint64_t index, start, addr, due;
        unsigned beats;         // that its address asks for
        unsigned beat, left;    // the next one, and how many are still to come
        uint8_t id, response;
        bool refused, endless;  // not written; without RLAST
    };
    struct Beat {
        uint8_t data[BYTES];
        uint8_t strobe[(BYTES + 7) / 8 + 8];
        bool last;
    };
    struct Fault {
        uint32_t kind, beat, argument;
        uint64_t at;       // burst, or cycle
        bool bound, seen;  // it has its burst; it has happened
    };
    struct Hang {
        bool on = false, seen = false;
        uint64_t burst = 0;
        uint32_t beat = 0;
    };

    Top& top;
    uint8_t* const memory;
    const uint64_t size;
    const uint32_t read_latency, write_latency, stall;
    const uint64_t seed;
    Random random;
    uint64_t cycle = 0;
    bool b_done = false, r_done = false, waiting_w = false;
    bool b_ends = false, r_ends = false;  // what is on offer is the end of the oldest burst
    uint64_t irq_cycles = 0, w_burst = 0;
    uint64_t waited[CHANNELS] = {};
    unsigned w_beat = 0;
    Waiting waiting_aw, waiting_ar;
    Beat waiting_beat;
    Ring<Burst, BURSTS> addresses, responses, reads;
    std::unique_ptr<Ring<Beat, BEATS_AHEAD>> beats{new Ring<Beat, BEATS_AHEAD>};
    std::vector<Fault> faults;
    Hang hangs[CHANNELS];
    bool watching = false;
    std::vector<Window> windows;

    Address aw() const {
        return {uint64_t(top.m_axi_awaddr),
                uint64_t(top.m_axi_awlock | top.m_axi_awcache << 1 | top.m_axi_awprot << 5 |
                         top.m_axi_awqos << 8),
                top.m_axi_awid, top.m_axi_awlen, top.m_axi_awsize, top.m_axi_awburst};
    }
    Address ar() const {
        return {uint64_t(top.m_axi_araddr),
                uint64_t(top.m_axi_arlock | top.m_axi_arcache << 1 | top.m_axi_arprot << 5 |
                         top.m_axi_arqos << 8),
                top.m_axi_arid, top.m_axi_arlen, top.m_axi_arsize, top.m_axi_arburst};
    }

    void record() {
        bool last[CHANNELS] = {true, bool(top.m_axi_wlast), true, true, bool(top.m_axi_rlast)};
        bool valid[CHANNELS] = {bool(top.m_axi_awvalid), bool(top.m_axi_wvalid),
                                bool(top.m_axi_bvalid), bool(top.m_axi_arvalid),
                                bool(top.m_axi_rvalid)};
        bool ready[CHANNELS] = {bool(top.m_axi_awready), bool(top.m_axi_wready),
                                bool(top.m_axi_bready), bool(top.m_axi_arready),
                                bool(top.m_axi_rready)};
        for (unsigned channel = 0; channel < CHANNELS; ++channel) {
            if (!valid[channel]) continue;
            if (ready[channel]) {
                transfers.push_back({channel, cycle, waited[channel], last[channel]});
                waited[channel] = 0;
            } else {
                ++waited[channel];
            }
        }
    }

    template <typename Payload>
    void check(Waiting& waiting, bool valid, bool ready, uint64_t& cycles, uint64_t& outside,
               uint64_t Window::*permitted, Payload payload) {
        if (waiting.on) {
            if (!valid) {
                ++counters.violation_valid_dropped;
            } else if (waiting.payload != payload()) {
                ++counters.violation_payload_changed;
                outside += !inside_window(payload(), permitted);
            }
        } else if (valid) {
            counters.violation_address_after_irq += irq_cycles > ADDRESS_SLACK;
            outside += !inside_window(payload(), permitted);
        }
        waiting.on = valid && !ready;
        if (waiting.on) {
            waiting.payload = payload();
            ++cycles;
        }
    }

    bool inside_window(const Address& a, uint64_t Window::*permitted) const {
        if (!watching) return true;
        uint64_t first = a.addr - a.addr % BYTES, last = first + (a.len + uint64_t(1)) * BYTES - 1;
        for (const Window& window : windows)
            if (window.*permitted && window.base <= first && last <= window.limit) return true;
        return false;
    }

    void load(Beat& beat) const {
        std::memcpy(beat.data, &top.m_axi_wdata, BYTES);
        std::memcpy(beat.strobe, &top.m_axi_wstrb, sizeof(Top::m_axi_wstrb));
        beat.last = top.m_axi_wlast;
    }

    void check_w() {
        if (waiting_w) {
            Beat now;
            load(now);
            if (!top.m_axi_wvalid)
                ++counters.violation_valid_dropped;
            else if (std::memcmp(now.data, waiting_beat.data, BYTES) || now.last != waiting_beat.last ||
                     std::memcmp(now.strobe, waiting_beat.strobe, sizeof(Top::m_axi_wstrb)))
                ++counters.violation_payload_changed;
        }
        waiting_w = top.m_axi_wvalid && !top.m_axi_wready;
        if (waiting_w) {
            load(waiting_beat);
            ++counters.w_wait_cycles;
        }
    }

    // The burst of an address; counts what is wrong with it.
    Burst burst(const Address& a, uint64_t index, bool write, uint64_t& out_of_range) {
        uint64_t bytes = (uint64_t(a.len) + 1) * BYTES;
        if ((a.addr ^ (a.addr + bytes - 1)) >> 12) ++counters.violation_4k_boundary;
        if (1u << a.size != BYTES) ++counters.violation_size;
        if (a.burst != 1) ++counters.violation_burst;
        if (a.addr % BYTES) ++counters.violation_unaligned;
        uint64_t start = a.addr - a.addr % BYTES;
        Burst b = {index, a.addr, start, 0, a.len + 1u, 0, a.len + 1u, a.id, OKAY, false, false};
        if (start + bytes > size) ++out_of_range;
        for (Fault& fault : faults)
            if (!fault.bound && fault.at <= index && fits(fault, b, write)) bind(fault, b);
        return b;
    }

    // Faults.

    // No burst has two lengths.
    static bool fits(const Fault& fault, const Burst& b, bool write) {
        bool whole = b.left == b.beats && !b.endless;
        switch (fault.kind) {
        case READ_SLVERR:
        case READ_DECERR:
            return !write && (fault.beat == EVERY_BEAT || fault.beat < b.left);
        case READ_LAST_EARLY: return !write && whole && fault.beat + 1 < b.beats;
        case READ_LAST_LATE: return !write && whole;
        case READ_ID: return !write && fault.beat < b.left;
        case WRITE_SLVERR:
        case WRITE_DECERR:
        case WRITE_ID: return write;
        default: return false;
        }
    }

    static void bind(Fault& fault, Burst& b) {
        fault.bound = true;
        fault.at = b.index;
        switch (fault.kind) {
        case READ_LAST_EARLY: b.left = fault.beat + 1; break;
        case READ_LAST_LATE:
            b.left += fault.argument;
            b.endless = !fault.argument;
            break;
        case WRITE_SLVERR:
        case WRITE_DECERR:
            b.response = fault.kind == WRITE_SLVERR ? SLVERR : DECERR;
            b.refused = true;
            break;
        case WRITE_ID: b.id = fault.argument & 0xFF; break;
        default: break;
        }
    }

    template <typename Which> void forget(Which which) {
        faults.erase(std::remove_if(faults.begin(), faults.end(), which), faults.end());
    }

    static bool is_write(const Fault& fault) { return fault.kind >= WRITE_SLVERR; }

    void forget_burst(const Burst& b, bool write) {
        forget([&](const Fault& f) { return f.bound && f.at == b.index && is_write(f) == write; });
    }

    uint64_t reads_in_flight() const { return reads.size() + top.m_axi_arvalid; }
    uint64_t writes_in_flight() const {
        return addresses.size() + responses.size() + top.m_axi_awvalid;
    }

    // All that is offered is offered in the cycle after this one.
    void happens(Fault& fault, const Burst& b) {
        if (fault.seen) return;
        fault.seen = true;
        uint64_t in_flight = is_write(fault) ? writes_in_flight() : reads_in_flight();
        events.push_back({fault.kind, b.index, b.beat, b.start, cycle + 1, in_flight});
    }

    // Whether a channel stands still before this beat; `wanted`: it would not otherwise.
    bool hung(Channel channel, bool wanted, uint64_t burst, uint32_t beat) {
        Hang& hang = hangs[channel];
        if (!hang.on || burst < hang.burst || (burst == hang.burst && beat < hang.beat))
            return false;
        if (wanted && !hang.seen) {
            hang.seen = true;
            bool write = channel == AW || channel == W || channel == B;
            uint64_t in_flight = write ? writes_in_flight() : reads_in_flight();
            events.push_back({uint64_t(HANG + channel), burst, beat, 0, cycle + 1, in_flight});
        }
        return true;
    }

    bool unasked(Kind kind, uint32_t& argument, uint64_t in_flight) {
        for (auto fault = faults.begin(); fault != faults.end(); ++fault)
            if (fault->kind == kind && fault->at <= cycle + 1) {
                argument = fault->argument;
                faults.erase(fault);
                events.push_back({kind, 0, 0, 0, cycle + 1, in_flight});
                return true;
            }
        return false;
    }

    bool unasked_b() {
        uint32_t id;
        if (!unasked(UNASKED_WRITE, id, writes_in_flight())) return false;
        top.m_axi_bid = id & 0xFF;
        top.m_axi_bresp = OKAY;
        return true;
    }

    bool unasked_r() {
        uint32_t id;
        if (!unasked(UNASKED_READ, id, reads_in_flight())) return false;
        std::memset(&top.m_axi_rdata, 0xFF, BYTES);
        top.m_axi_rid = id & 0xFF;
        top.m_axi_rresp = OKAY;
        top.m_axi_rlast = id >> 8;
        return true;
    }

    // Service.

    bool due(Ring<Burst, BURSTS>& bursts) {
        return !bursts.empty() && bursts.front().due <= cycle + 1;
    }

    bool inside(uint64_t addr) const { return addr + BYTES <= size; }

    static void raise(uint64_t& most, uint64_t now) {
        if (now > most) most = now;
    }

    void accept_aw() {
        addresses.push() =
            burst(aw(), counters.write_bursts, true, counters.write_bursts_out_of_range);
        ++counters.write_bursts;
        raise(counters.write_bursts_in_flight_max, addresses.size() + responses.size());
    }

    void accept_w() {
        load(beats->push());
        ++counters.write_beats;
        ++w_beat;
        if (top.m_axi_wlast) {
            ++w_burst;
            w_beat = 0;
        }
    }

    void write() {
        while (!beats->empty() && !addresses.empty()) {
            Burst& b = addresses.front();
            const Beat& beat = beats->front();
            if (beat.last != (b.left == 1)) ++counters.violation_wlast;
            if (!inside(b.addr)) {
                if (!b.refused) b.response = DECERR;
            } else if (!b.refused) {
                uint8_t* to = memory + b.addr;
                for (unsigned i = 0; i < BYTES; ++i)
                    if (beat.strobe[i / 8] >> i % 8 & 1) to[i] = beat.data[i];
            }
            b.addr += BYTES;
            beats->pop();
            if (--b.left == 0) {
                b.due = cycle + write_latency;
                responses.push() = b;
                addresses.pop();
            }
        }
    }

    void accept_ar() {
        Burst b = burst(ar(), counters.read_bursts, false, counters.read_bursts_out_of_range);
        b.due = cycle + read_latency;
        reads.push() = b;
        ++counters.read_bursts;
        raise(counters.read_bursts_in_flight_max, reads.size());
    }

    void offer_b() {
        const Burst& b = responses.front();
        top.m_axi_bid = b.id;
        top.m_axi_bresp = b.response;
        if (faults.empty()) return;
        for (Fault& fault : faults)
            if (fault.bound && fault.at == b.index && is_write(fault)) happens(fault, b);
        forget_burst(b, true);
    }

    void offer_r() {
        Burst& b = reads.front();
        bool in = inside(b.addr);
        uint8_t response = in ? OKAY : DECERR;
        top.m_axi_rid = b.id;
        for (Fault& fault : faults)
            if (fault.bound && fault.at == b.index && !is_write(fault)) spoil(fault, b, response);
        if (response == OKAY)
            std::memcpy(&top.m_axi_rdata, memory + b.addr, BYTES);
        else
            std::memset(&top.m_axi_rdata, 0, BYTES);
        top.m_axi_rresp = response;
        top.m_axi_rlast = b.left == 1 && !b.endless;
        b.addr += BYTES;
        ++b.beat;
        r_ends = --b.left == 0;
        if (r_ends && !faults.empty()) forget_burst(b, false);
    }

    // What a fault does to the next beat of its burst.
    void spoil(Fault& fault, const Burst& b, uint8_t& response) {
        uint32_t beat = fault.kind == READ_LAST_LATE ? b.beats - 1 : fault.beat;
        if (beat != EVERY_BEAT && beat != b.beat) return;
        if (fault.kind == READ_SLVERR) response = SLVERR;
        if (fault.kind == READ_DECERR) response = DECERR;
        if (fault.kind == READ_ID) top.m_axi_rid = fault.argument & 0xFF;
        happens(fault, b);
    }
};
