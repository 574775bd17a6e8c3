// SPDX-License-Identifier: Apache-2.0
// The accelerator as Verilator compiled it, its memory and its host, behind a C interface.
//
// A cycle is two evaluations. Between cycles clk is low and everything is settled. At the rising
// edge the model has looked at the settled outputs; the design's registers then take the old
// inputs; the model's new outputs are applied with the falling edge, so that combinational paths
// from them are settled again before the next look.

#include <cstdint>
#include <memory>

#include "Vtop.h"
#include "axi_memory.hpp"
#include "verilated.h"

#if MW_COVERAGE
#include "toggles.hpp"
#include "verilated_cov.h"
#endif

#if VM_TRACE_FST
#include "verilated_fst_c.h"
using Trace = VerilatedFstC;
#elif VM_TRACE
#include "verilated_vcd_c.h"
using Trace = VerilatedVcdC;
#endif

namespace {

constexpr unsigned HALF_PERIOD_NS = 5;
constexpr unsigned LITE_TIMEOUT = 10000;  // cycles in which a register access must end

// What has no initial value starts as drawn from `unknown`, if that is not 0 and Verilator was told so.
VerilatedContext* new_context(uint32_t unknown) {
    auto* context = new VerilatedContext;
    if (unknown) {
        context->randReset(2);
        context->randSeed(int(unknown));
    }
    return context;
}

// A write, a read, or both; how many cycles later each part of them is offered or taken.
struct LiteAccess {
    uint32_t write, read, awaddr, wdata, wstrb, araddr, prot;
    uint32_t aw_after, w_after, b_after, ar_after, r_after;
    uint32_t rdata;
};

class Harness {
public:
    Harness(uint8_t* memory, uint64_t size, uint32_t read_latency, uint32_t write_latency,
            uint32_t stall, uint64_t seed, const char* trace_path, uint32_t unknown)
        : context(new_context(unknown)), top(new Vtop(context.get(), "")),
          memory(*top, memory, size, read_latency, write_latency, stall, seed) {
#if VM_TRACE
        if (trace_path) {
            context->traceEverOn(true);
            trace.reset(new Trace);
            top->trace(trace.get(), 99);
            trace->open(trace_path);
        }
#else
        (void)trace_path;
#endif
        reset(2);
#if MW_COVERAGE
        toggles.reset(new Toggles(*context));
#endif
    }

    ~Harness() {
#if VM_TRACE
        if (trace) trace->close();
#endif
        top->final();
    }

    void reset(unsigned edges) {
        top->s_axil_awvalid = top->s_axil_wvalid = top->s_axil_bready = 0;
        top->s_axil_arvalid = top->s_axil_rready = 0;
        lite_b.on = lite_r.on = false;
        top->rst = 1;
        memory.reset();
        top->clk = 0;
        unsettled = true;
        settle();
        for (unsigned i = 0; i < edges; ++i) {
            edge(1);
            edge(0);
            memory.check_reset();
        }
        top->rst = 0;
        unsettled = true;
        cycles = 0;
    }

    bool run(uint64_t most) {
        settle();
        while (!top->irq && most--) step();
        return top->irq;
    }

    // Register accesses: the response, or -1 if there was none in time.
    int write(uint32_t offset, uint32_t value) {
        top->s_axil_awaddr = offset;
        top->s_axil_wdata = value;
        top->s_axil_wstrb = 0xF;
        top->s_axil_awvalid = top->s_axil_wvalid = top->s_axil_bready = 1;
        int response = -1;
        for (unsigned i = 0; i < LITE_TIMEOUT && response < 0; ++i) {
            unsettled = true;
            settle();
            bool aw = top->s_axil_awvalid && top->s_axil_awready;
            bool w = top->s_axil_wvalid && top->s_axil_wready;
            if (top->s_axil_bvalid) response = top->s_axil_bresp;
            step();
            if (aw) top->s_axil_awvalid = 0;
            if (w) top->s_axil_wvalid = 0;
        }
        top->s_axil_awvalid = top->s_axil_wvalid = top->s_axil_bready = 0;
        unsettled = true;
        return response;
    }

    int read(uint32_t offset, uint32_t* value) {
        top->s_axil_araddr = offset;
        top->s_axil_arvalid = top->s_axil_rready = 1;
        int response = -1;
        for (unsigned i = 0; i < LITE_TIMEOUT && response < 0; ++i) {
            unsettled = true;
            settle();
            bool ar = top->s_axil_arvalid && top->s_axil_arready;
            if (top->s_axil_rvalid) {
                response = top->s_axil_rresp;
                *value = top->s_axil_rdata;
            }
            step();
            if (ar) top->s_axil_arvalid = 0;
        }
        top->s_axil_arvalid = top->s_axil_rready = 0;
        unsettled = true;
        return response;
    }

    // A write and a read side by side, each part of them in its own time; false if they do not end.
    bool access(LiteAccess& access) {
        top->s_axil_awaddr = access.awaddr;
        top->s_axil_wdata = access.wdata;
        top->s_axil_wstrb = access.wstrb;
        top->s_axil_araddr = access.araddr;
        top->s_axil_awprot = top->s_axil_arprot = access.prot;
        bool aw = access.write, w = access.write, b = access.write;
        bool ar = access.read, r = access.read;
        for (unsigned i = 0; i < LITE_TIMEOUT && (b || r); ++i) {
            top->s_axil_awvalid = aw && i >= access.aw_after;
            top->s_axil_wvalid = w && i >= access.w_after;
            top->s_axil_bready = i >= access.b_after;
            top->s_axil_arvalid = ar && i >= access.ar_after;
            top->s_axil_rready = i >= access.r_after;
            unsettled = true;
            settle();
            aw = aw && !(top->s_axil_awvalid && top->s_axil_awready);
            w = w && !(top->s_axil_wvalid && top->s_axil_wready);
            ar = ar && !(top->s_axil_arvalid && top->s_axil_arready);
            if (top->s_axil_bvalid && top->s_axil_bready) b = false;
            if (top->s_axil_rvalid && top->s_axil_rready) {
                r = false;
                access.rdata = top->s_axil_rdata;
            }
            step();
        }
        top->s_axil_awvalid = top->s_axil_wvalid = top->s_axil_bready = 0;
        top->s_axil_arvalid = top->s_axil_rready = 0;
        unsettled = true;
        return !(b || r);
    }

    bool irq() {
        settle();
        return top->irq;
    }

#if MW_COVERAGE
    // What has run, as Verilator counts it, and which bits have moved, since this was made.
    bool write_coverage(const char* counts, const char* moves) const {
        context->coveragep()->write(counts);
        return toggles->write(moves);
    }
#endif

    Vtop& model() { return *top; }

    uint64_t cycles = 0;

private:
    struct LiteWaiting {
        bool on = false;
        uint64_t payload = 0;
    };

    std::unique_ptr<VerilatedContext> context;
    std::unique_ptr<Vtop> top;
    bool unsettled = true;
    LiteWaiting lite_b, lite_r;
#if VM_TRACE
    std::unique_ptr<Trace> trace;
#endif
#if MW_COVERAGE
    std::unique_ptr<Toggles> toggles;
#endif

public:
    AxiMemory<Vtop> memory;

private:
    void settle() {
        if (unsettled) top->eval();
        unsettled = false;
    }

    void edge(bool level) {
        top->clk = level;
        top->eval();
#if MW_COVERAGE
        if (toggles && !level) toggles->sample();
#endif
#if VM_TRACE
        if (trace) trace->dump(context->time());
#endif
        context->timeInc(HALF_PERIOD_NS);
    }

    void check_lite(LiteWaiting& waiting, bool valid, bool ready, uint64_t payload) {
        if (waiting.on) {
            if (!valid)
                ++memory.counters.violation_lite_valid_dropped;
            else if (payload != waiting.payload)
                ++memory.counters.violation_lite_payload_changed;
        }
        waiting = {valid && !ready, payload};
    }

    void step() {
        settle();
        check_lite(lite_b, top->s_axil_bvalid, top->s_axil_bready, top->s_axil_bresp);
        check_lite(lite_r, top->s_axil_rvalid, top->s_axil_rready,
                   top->s_axil_rdata | uint64_t(top->s_axil_rresp) << 32);
        memory.sample(cycles++);
        edge(1);
        memory.drive();
        edge(0);
    }
};

}  // namespace

#define API extern "C" __attribute__((visibility("default")))

API void* mw_new(uint8_t* memory, uint64_t size, uint32_t read_latency, uint32_t write_latency,
                 uint32_t stall, uint64_t seed, const char* trace_path, uint32_t unknown) {
    return new Harness(memory, size, read_latency, write_latency, stall, seed, trace_path, unknown);
}
API void mw_delete(void* self) { delete static_cast<Harness*>(self); }
API void mw_reset(void* self, uint32_t edges) { static_cast<Harness*>(self)->reset(edges); }
API int mw_run(void* self, uint64_t most) { return static_cast<Harness*>(self)->run(most); }
API int mw_irq(void* self) { return static_cast<Harness*>(self)->irq(); }
API uint64_t mw_cycles(void* self) { return static_cast<Harness*>(self)->cycles; }
API int mw_write(void* self, uint32_t offset, uint32_t value) {
    return static_cast<Harness*>(self)->write(offset, value);
}
API int mw_read(void* self, uint32_t offset, uint32_t* value) {
    return static_cast<Harness*>(self)->read(offset, value);
}
API int mw_access(void* self, LiteAccess* access) {
    return static_cast<Harness*>(self)->access(*access);
}
API void mw_inject(void* self, uint32_t kind, uint64_t at, uint32_t beat, uint32_t argument) {
    static_cast<Harness*>(self)->memory.inject(kind, at, beat, argument);
}
API void mw_release(void* self) { static_cast<Harness*>(self)->memory.release(); }
API void mw_watch(void* self, int on, const Window* windows, uint32_t count) {
    static_cast<Harness*>(self)->memory.watch(on, windows, count);
}
#if MW_COVERAGE
API int mw_coverage(void* self, const char* counts, const char* moves) {
    return static_cast<Harness*>(self)->write_coverage(counts, moves);
}
#endif
API void mw_record(void* self, int on) {
    static_cast<Harness*>(self)->memory.transfers.clear();
    static_cast<Harness*>(self)->memory.recording = on;
}
API uint64_t mw_transfer_count(void* self) {
    return static_cast<Harness*>(self)->memory.transfers.size();
}
API const Transfer* mw_transfers(void* self) {
    return static_cast<Harness*>(self)->memory.transfers.data();
}
API uint64_t mw_event_count(void* self) {
    return static_cast<Harness*>(self)->memory.events.size();
}
API const FaultEvent* mw_events(void* self) {
    return static_cast<Harness*>(self)->memory.events.data();
}
API const uint64_t* mw_counters(void* self) {
    return reinterpret_cast<const uint64_t*>(&static_cast<Harness*>(self)->memory.counters);
}
API const char* mw_counter_names() {
#define NAME(name) #name " "
    return COUNTERS(NAME);
#undef NAME
}
