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
// A beat that does not lie inside the memory is answered DECERR; it reads 0 and is not written. A
// burst answered with an injected error reads 0 and is not written.
//
// matwright_sim/agents/memory.py is the same model for cocotb: change both.

#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

// The order of the channels is the order of the fields of a random draw.
enum Channel { AW, W, B, AR, R, CHANNELS };

enum Response : uint8_t { OKAY = 0, SLVERR = 2, DECERR = 3 };

#define COUNTERS(X)                                                                                \
    X(read_bursts) X(read_beats) X(write_bursts) X(write_beats)                                    \
    X(read_bursts_out_of_range) X(write_bursts_out_of_range)                                       \
    X(read_bursts_in_flight_max) X(write_bursts_in_flight_max)                                     \
    X(aw_wait_cycles) X(w_wait_cycles) X(b_wait_cycles) X(ar_wait_cycles) X(r_wait_cycles)         \
    X(violation_valid_dropped) X(violation_payload_changed) X(violation_valid_in_reset)            \
    X(violation_wlast) X(violation_4k_boundary) X(violation_size) X(violation_burst)               \
    X(violation_unaligned) X(violation_lite_valid_dropped) X(violation_lite_payload_changed)

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

    Counters counters;

    AxiMemory(Top& top, uint8_t* memory, uint64_t size, uint32_t read_latency,
              uint32_t write_latency, uint32_t stall, uint64_t seed)
        : top(top), memory(memory), size(size), read_latency(read_latency),
          write_latency(write_latency), stall(stall), seed(seed), random(seed) {}

    void inject(bool write, uint64_t index, uint8_t response) {
        (write ? write_errors : read_errors).push_back({index, response});
    }

    // An edge in reset: forget all work, drive everything low.
    void reset() {
        addresses.clear();
        beats->clear();
        responses.clear();
        reads.clear();
        waiting_aw.on = waiting_ar.on = waiting_w = false;
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
        check(waiting_aw, top.m_axi_awvalid, top.m_axi_awready, counters.aw_wait_cycles,
              [this] { return aw(); });
        check(waiting_ar, top.m_axi_arvalid, top.m_axi_arready, counters.ar_wait_cycles,
              [this] { return ar(); });
        check_w();
        counters.b_wait_cycles += top.m_axi_bvalid && !top.m_axi_bready;
        counters.r_wait_cycles += top.m_axi_rvalid && !top.m_axi_rready;

        b_done = top.m_axi_bvalid && top.m_axi_bready;
        r_done = top.m_axi_rvalid && top.m_axi_rready;
        if (b_done) responses.pop();
        counters.read_beats += r_done;
        if (r_done && top.m_axi_rlast) reads.pop();
        if (top.m_axi_awvalid && top.m_axi_awready) accept_aw();
        if (top.m_axi_wvalid && top.m_axi_wready) accept_w();
        if (!beats->empty() && !addresses.empty()) write();
        if (top.m_axi_arvalid && top.m_axi_arready) accept_ar();
    }

    // Second half: drive the outputs of the next cycle.
    void drive() {
        uint64_t draw = stall ? random.next() >> 4 : 0;
        auto paused = [&](Channel channel) { return (draw >> 12 * channel & 0xFFF) < stall; };
        top.m_axi_awready = addresses.size() + responses.size() < BURSTS && !paused(AW);
        top.m_axi_wready = beats->size() < BEATS_AHEAD && !paused(W);
        top.m_axi_arready = reads.size() < BURSTS && !paused(AR);

        if (b_done || !top.m_axi_bvalid) {
            bool offer = !responses.empty() && responses.front().due <= cycle + 1 && !paused(B);
            top.m_axi_bvalid = offer;
            if (offer) {
                top.m_axi_bid = responses.front().id;
                top.m_axi_bresp = responses.front().response;
            }
        }
        if (r_done || !top.m_axi_rvalid) {
            bool offer = !reads.empty() && reads.front().due <= cycle + 1 && !paused(R);
            top.m_axi_rvalid = offer;
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
        uint64_t addr, due;
        unsigned left;  // beats still to come
        uint8_t id, response;
        bool injected;
    };
    struct Beat {
        uint8_t data[BYTES];
        uint8_t strobe[(BYTES + 7) / 8 + 8];
        bool last;
    };
    struct Error {
        uint64_t index;
        uint8_t response;
    };

    Top& top;
    uint8_t* const memory;
    const uint64_t size;
    const uint32_t read_latency, write_latency, stall;
    const uint64_t seed;
    Random random;
    uint64_t cycle = 0;
    bool b_done = false, r_done = false, waiting_w = false;
    Waiting waiting_aw, waiting_ar;
    Beat waiting_beat;
    Ring<Burst, BURSTS> addresses, responses, reads;
    std::unique_ptr<Ring<Beat, BEATS_AHEAD>> beats{new Ring<Beat, BEATS_AHEAD>};
    std::vector<Error> read_errors, write_errors;

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

    template <typename Payload>
    void check(Waiting& waiting, bool valid, bool ready, uint64_t& cycles, Payload payload) {
        if (waiting.on) {
            if (!valid)
                ++counters.violation_valid_dropped;
            else if (waiting.payload != payload())
                ++counters.violation_payload_changed;
        }
        waiting.on = valid && !ready;
        if (waiting.on) {
            waiting.payload = payload();
            ++cycles;
        }
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
    Burst burst(const Address& a, uint64_t index, const std::vector<Error>& errors,
                uint64_t& out_of_range) {
        uint64_t bytes = (uint64_t(a.len) + 1) * BYTES;
        if ((a.addr ^ (a.addr + bytes - 1)) >> 12) ++counters.violation_4k_boundary;
        if (1u << a.size != BYTES) ++counters.violation_size;
        if (a.burst != 1) ++counters.violation_burst;
        if (a.addr % BYTES) ++counters.violation_unaligned;
        Burst b = {a.addr - a.addr % BYTES, 0, a.len + 1u, a.id, OKAY, false};
        if (b.addr + bytes > size) ++out_of_range;
        for (const Error& error : errors)
            if (error.index == index) {
                b.response = error.response;
                b.injected = true;
            }
        return b;
    }

    bool inside(uint64_t addr) const { return addr + BYTES <= size; }

    static void raise(uint64_t& most, uint64_t now) {
        if (now > most) most = now;
    }

    void accept_aw() {
        addresses.push() = burst(aw(), counters.write_bursts, write_errors,
                                 counters.write_bursts_out_of_range);
        ++counters.write_bursts;
        raise(counters.write_bursts_in_flight_max, addresses.size() + responses.size());
    }

    void accept_w() {
        load(beats->push());
        ++counters.write_beats;
    }

    void write() {
        while (!beats->empty() && !addresses.empty()) {
            Burst& b = addresses.front();
            const Beat& beat = beats->front();
            if (beat.last != (b.left == 1)) ++counters.violation_wlast;
            if (!inside(b.addr)) {
                if (!b.injected) b.response = DECERR;
            } else if (!b.injected) {
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
        Burst b = burst(ar(), counters.read_bursts, read_errors, counters.read_bursts_out_of_range);
        b.due = cycle + read_latency;
        reads.push() = b;
        ++counters.read_bursts;
        raise(counters.read_bursts_in_flight_max, reads.size());
    }

    void offer_r() {
        Burst& b = reads.front();
        bool in = inside(b.addr);
        if (in && !b.injected)
            std::memcpy(&top.m_axi_rdata, memory + b.addr, BYTES);
        else
            std::memset(&top.m_axi_rdata, 0, BYTES);
        top.m_axi_rid = b.id;
        top.m_axi_rresp = b.injected || in ? b.response : uint8_t(DECERR);
        top.m_axi_rlast = b.left == 1;
        b.addr += BYTES;
        --b.left;
    }
};
