// SPDX-License-Identifier: Apache-2.0
// A whole board as Verilator compiled it, its UART at a file descriptor, behind a C interface.
//
// A cycle is two evaluations; rx changes with the falling edge of clk and tx is looked at there, both
// `divisor` cycles a bit. While nobody talks the clock stands still, after time enough for what was
// begun: a host that waits asks now and then.

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "Vtop.h"
#include "verilated.h"

#if VM_TRACE_FST
#include "verilated_fst_c.h"
using Trace = VerilatedFstC;
#elif VM_TRACE
#include "verilated_vcd_c.h"
using Trace = VerilatedVcdC;
#endif

namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned HALF_PERIOD_NS = 5;
constexpr unsigned RESET_CYCLES = 2;
constexpr unsigned BITS = 10;              // of a byte on the line
constexpr unsigned LOOK = 1 << 14;         // cycles of a quiet line between two looks at the watch
constexpr auto AWAKE = std::chrono::seconds(1);  // for which the clock runs on over a quiet line

class Board {
public:
    Board(int fd, uint32_t divisor, const char* trace_path)
        : fd(fd), divisor(divisor), wake(eventfd(0, EFD_CLOEXEC)), context(new VerilatedContext),
          top(new Vtop(context.get(), "")) {
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
        top->rx = 1;
        top->rst = 1;
        top->clk = 0;
        top->eval();
        for (unsigned i = 0; i < RESET_CYCLES; ++i) {
            edge(1);
            edge(0);
        }
        top->rst = 0;
        top->eval();
    }

    ~Board() {
#if VM_TRACE
        if (trace) trace->close();
#endif
        top->final();
        close(wake);
    }

    // Until stop(), which another thread calls.
    void run() {
        Clock::time_point last = Clock::now();
        uint64_t count = cycles;
        unsigned quiet = 0;
        while (!stopped.load(std::memory_order_relaxed)) {
            edge(1);
            listen();
            speak();
            edge(0);
            cycles.store(++count, std::memory_order_relaxed);
            if (receiving || sending) {
                quiet = 0;
            } else if (++quiet % LOOK == 0) {
                if (quiet == LOOK) last = Clock::now();
                if (Clock::now() - last >= AWAKE) {
                    wait();
                    quiet = 0;
                }
            }
        }
    }

    void stop() {
        stopped = true;
        uint64_t one = 1;
        (void)!write(wake, &one, sizeof one);
    }

    std::atomic<uint64_t> cycles{0};
    std::atomic<uint64_t> bad_stops{0};  // bytes from the board whose stop bit was 0

private:
    const int fd;
    const uint32_t divisor;
    const int wake;
    std::atomic<bool> stopped{false};
    std::unique_ptr<VerilatedContext> context;
    std::unique_ptr<Vtop> top;
#if VM_TRACE
    std::unique_ptr<Trace> trace;
#endif
    // From the host to rx.
    uint8_t buffer[4096];
    unsigned held = 0, taken = 0;
    unsigned sending = 0;  // bits left of the byte on the line
    unsigned out = 0;      // those bits
    uint32_t out_timer = 0;
    // From tx to the host.
    unsigned receiving = 0;  // bits left, the stop bit being the last
    unsigned in = 0;
    uint32_t in_timer = 0;
    bool broken = false;  // a stop bit was 0; what is left of it is no start bit

    void edge(bool level) {
        top->clk = level;
        top->eval();
#if VM_TRACE
        if (trace) trace->dump(context->time());
#endif
        context->timeInc(HALF_PERIOD_NS);
    }

    void speak() {
        if (out_timer) {
            --out_timer;
            return;
        }
        if (!sending) {
            if (taken == held) {
                ssize_t got = read(fd, buffer, sizeof buffer);
                held = got > 0 ? got : 0;
                taken = 0;
            }
            if (taken == held) {
                out_timer = BITS * divisor;  // a read of the port costs more than a cycle
                return;
            }
            out = buffer[taken++] << 1 | 1 << (BITS - 1);
            sending = BITS;
        }
        top->rx = out & 1;
        out >>= 1;
        --sending;
        out_timer = divisor - 1;
    }

    void listen() {
        if (!receiving) {
            broken = broken && !top->tx;
            if (top->tx || broken) return;
            receiving = BITS - 1;
            in = 0;
            in_timer = divisor + divisor / 2 - 1;  // to the middle of bit 0
        } else if (in_timer) {
            --in_timer;
        } else if (--receiving) {
            in = in >> 1 | top->tx << 7;
            in_timer = divisor - 1;
        } else if (top->tx) {
            // What the host does not read in time is lost, as on any line.
            uint8_t octet = in;
            (void)!write(fd, &octet, 1);
        } else {
            ++bad_stops;
            broken = true;
        }
    }

    void wait() {
        pollfd waiting[] = {{fd, POLLIN, 0}, {wake, POLLIN, 0}};
        poll(waiting, 2, -1);
        out_timer = 0;
    }
};

}  // namespace

#define API extern "C" __attribute__((visibility("default")))

API void* mwb_new(int fd, uint32_t divisor, const char* trace_path) {
    return new Board(fd, divisor, trace_path);
}
API void mwb_delete(void* self) { delete static_cast<Board*>(self); }
API void mwb_run(void* self) { static_cast<Board*>(self)->run(); }
API void mwb_stop(void* self) { static_cast<Board*>(self)->stop(); }
API uint64_t mwb_cycles(void* self) { return static_cast<Board*>(self)->cycles; }
API uint64_t mwb_bad_stops(void* self) { return static_cast<Board*>(self)->bad_stops; }
