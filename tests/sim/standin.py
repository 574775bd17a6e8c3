# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the accelerator: the same ports, but all it does is copy.

A program of ``PROGRAM_COUNT`` bursts of 4 beats is copied from ``PROGRAM_LO`` to
``PROGRAM_LO + DISTANCE``. Reads are issued back to back, W may run ahead of AW. The registers at
``0x800`` on record in which cycle (0: the doorbell arrived) things happened for the last time;
counter ``DOORBELL`` is the cycle after reset (the first is 0) in which the doorbell arrived.
The 32 bits at ``STROBE`` are the write strobes of every beat, repeated for wider ones. From ``BEATS`` on
stands ``{ID, response, RLAST}`` of each of the last 64 beats read, from ``ANSWERS`` on ``{ID, response}`` of
each of the last 64 write responses, of which ``ANSWERED`` is the number. ``bug`` plants one breach of the
protocol.
"""

from matwright.bus.axi import ID_WIDTH
from matwright.bus.register_map import COUNTERS, REGISTERS
from matwright.config import AcceleratorConfig, Bus, Limits, Sram

__all__ = [
    "ANSWERED",
    "ANSWERS",
    "BEATS",
    "BUGS",
    "BURST",
    "DISTANCE",
    "DOORBELL",
    "STROBE",
    "TIMES",
    "address",
    "config",
    "verilog",
]

BURST = 4
DISTANCE = 0x8000
TIMES = {"ar": 0x800, "r_first": 0x804, "r_last": 0x808, "aw": 0x80C, "w_last": 0x810, "b": 0x814}
DOORBELL = "LOAD_IDLE"
STROBE = 0x81C
ANSWERED = 0x820
BEATS, ANSWERS = 0x900, 0xA00

BUGS = {
    "ar_dropped": "valid_dropped",
    "aw_changed": "payload_changed",
    "w_changed": "payload_changed",
    "w_dropped": "valid_dropped",
    "wlast": "wlast",
    "size": "size",
    "burst": "burst",
    "reset": "valid_in_reset",
    "ar_with_irq": None,
    "ar_after_irq": "address_after_irq",
    "aw_after_irq": "address_after_irq",
}
"""Planted breach, and the name under which it is to be counted; None: it is none yet."""


def address(name: str) -> int:
    """Offset of a register of the map."""
    return next(register.offset for register in REGISTERS if register.name == name)


def config(data_width: int, addr_width: int = 32) -> AcceleratorConfig:
    """A configuration with this bus; the rest does not matter."""
    return AcceleratorConfig(
        name="standin",
        rows=32,
        cols=32,
        sram=Sram(activation_rows=512, weight_tiles=64, accumulator_rows=64, column_panels=16),
        bus=Bus(data_width=data_width, addr_width=addr_width, max_burst=BURST),
        limits=Limits(max_k=65_535),
    )


def verilog(bus: Bus, bug: str | None = None) -> str:
    """Verilog-2005 of the stand-in."""
    if bug is not None and bug not in BUGS:
        raise ValueError(f"bug must be one of {', '.join(BUGS)}, not {bug!r}")
    bugs = {name: int(name == bug) for name in BUGS}
    step = BURST * bus.bytes
    address_ports = "\n".join(
        f"""  output [{ID_WIDTH - 1}:0] m_axi_{c}id, output [{bus.addr_width - 1}:0] m_axi_{c}addr,
  output [7:0] m_axi_{c}len, output [2:0] m_axi_{c}size, output [1:0] m_axi_{c}burst,
  output m_axi_{c}lock, output [3:0] m_axi_{c}cache, output [2:0] m_axi_{c}prot,
  output [3:0] m_axi_{c}qos, output m_axi_{c}valid, input m_axi_{c}ready,"""
        for c in ("aw", "ar")
    )
    address_wires = "\n".join(
        f"""  assign m_axi_{c}id = 0; assign m_axi_{c}len = {BURST - 1};
  assign m_axi_{c}size = {bus.bytes.bit_length() - 1 - bugs["size"]};
  assign m_axi_{c}burst = {1 - bugs["burst"]};
  assign m_axi_{c}lock = 0; assign m_axi_{c}cache = 3; assign m_axi_{c}prot = 0;
  assign m_axi_{c}qos = 0;"""
        for c in ("aw", "ar")
    )
    times = "\n".join(f"  reg [31:0] time_{n} = 0; // {offset:#x}" for n, offset in TIMES.items())
    read_times = "\n".join(f"      13'd{o}: read_data = time_{n};" for n, o in TIMES.items())
    counters = list(COUNTERS)
    offsets = {name: address(name) for name in counters}
    return f"""
module standin(
  input clk, input rst, output irq,
{address_ports}
  output [{bus.data_width - 1}:0] m_axi_wdata, output [{bus.bytes - 1}:0] m_axi_wstrb,
  output m_axi_wlast, output m_axi_wvalid, input m_axi_wready,
  input [{ID_WIDTH - 1}:0] m_axi_bid, input [1:0] m_axi_bresp, input m_axi_bvalid,
  output m_axi_bready,
  input [{ID_WIDTH - 1}:0] m_axi_rid, input [{bus.data_width - 1}:0] m_axi_rdata,
  input [1:0] m_axi_rresp, input m_axi_rlast, input m_axi_rvalid, output m_axi_rready,
  input [12:0] s_axil_awaddr, input [2:0] s_axil_awprot, input s_axil_awvalid,
  output s_axil_awready,
  input [31:0] s_axil_wdata, input [3:0] s_axil_wstrb, input s_axil_wvalid, output s_axil_wready,
  output [1:0] s_axil_bresp, output s_axil_bvalid, input s_axil_bready,
  input [12:0] s_axil_araddr, input [2:0] s_axil_arprot, input s_axil_arvalid,
  output s_axil_arready,
  output [31:0] s_axil_rdata, output [1:0] s_axil_rresp, output s_axil_rvalid, input s_axil_rready
);
{address_wires}
  reg busy = 0, done = 0, failed = 0;
  reg [1:0] enable = 0, cause = 0;
  reg [{bus.addr_width - 1}:0] base = 0;
  reg [15:0] count = 0;
  reg [31:0] cycles = 0, now = 0, since_reset = 0, doorbell = 0, beats_read = 0, beats_written = 0;
{times}
  reg [31:0] strobe = 32'hffffffff, answered = 0;
  reg [{ID_WIDTH + 2}:0] beat_log [0:63];
  reg [{ID_WIDTH + 1}:0] answer_log [0:63];
  assign irq = |(enable & cause);

  // Registers.
  reg b_valid = 0, r_valid = 0, b_bad = 0, r_bad = 0;
  reg [31:0] r_data = 0, read_data;
  reg read_bad;
  wire do_write = s_axil_awvalid & s_axil_wvalid & ~b_valid;
  wire do_read = s_axil_arvalid & ~r_valid;
  assign s_axil_awready = do_write;
  assign s_axil_wready = do_write;
  assign s_axil_bvalid = b_valid;
  assign s_axil_bresp = {{b_bad, 1'b0}};
  assign s_axil_arready = do_read;
  assign s_axil_rvalid = r_valid;
  assign s_axil_rdata = r_data;
  assign s_axil_rresp = {{r_bad, 1'b0}};
  wire start = do_write && s_axil_awaddr == {address("CONTROL")} && s_axil_wdata[0] && !busy;
  always @* begin
    read_bad = 0;
    read_data = 0;
    case (s_axil_araddr)
      13'd{address("ID")}: read_data = 32'h4d415457;
      13'd{address("STATUS")}: read_data = {{failed, done, busy}};
      13'd{address("IRQ_ENABLE")}: read_data = enable;
      13'd{address("IRQ_CAUSE")}: read_data = cause;
      13'd{address("PROGRAM_LO")}: read_data = base;
      13'd{address("PROGRAM_COUNT")}: read_data = count;
      13'd{offsets["CYCLES"]}: read_data = cycles;
      13'd{offsets["BEATS_READ"]}: read_data = beats_read;
      13'd{offsets["BEATS_WRITTEN"]}: read_data = beats_written;
{read_times}
      13'd{address(DOORBELL)}: read_data = doorbell;
      13'd{ANSWERED}: read_data = answered;
      default:
        if (s_axil_araddr[12:8] == {BEATS >> 8}) read_data = beat_log[s_axil_araddr[7:2]];
        else if (s_axil_araddr[12:8] == {ANSWERS >> 8}) read_data = answer_log[s_axil_araddr[7:2]];
        else read_bad = &s_axil_araddr[12:11];
    endcase
  end
  always @(posedge clk) begin
    if (do_write) begin
      b_valid <= 1;
      b_bad <= &s_axil_awaddr[12:11];
      case (s_axil_awaddr)
        13'd{address("IRQ_ENABLE")}: enable <= s_axil_wdata;
        13'd{address("PROGRAM_LO")}: base <= s_axil_wdata;
        13'd{address("PROGRAM_COUNT")}: count <= s_axil_wdata;
        13'd{STROBE}: strobe <= s_axil_wdata;
        default: ;
      endcase
    end else if (s_axil_bready) b_valid <= 0;
    if (do_read) begin
      r_valid <= 1; r_data <= read_data; r_bad <= read_bad;
    end else if (s_axil_rready) r_valid <= 0;
    if (rst) begin
      b_valid <= 0; r_valid <= 0; enable <= 0;
    end
  end

  // Reads.
  reg [15:0] ar_left = 0, aw_left = 0, b_left = 0;
  reg [17:0] w_left = 0;
  reg [{bus.addr_width - 1}:0] ar_addr = 0, aw_addr = 0;
  reg [{bus.data_width - 1}:0] data [0:1023];
  reg [17:0] got = 0, sent = 0;
  reg ar_hidden = 0, w_hidden = 0, was_irq = 0;
  reg [1:0] in_burst = 0;
  assign m_axi_arvalid = (ar_left != 0 && !ar_hidden) || (rst && {bugs["reset"]});
  assign m_axi_araddr = ar_addr;
  assign m_axi_rready = 1;
  // Writes: an address when its burst is here, a beat when it is here.
  reg [17:0] addressed = 0;
  reg [{bus.addr_width - 1}:0] drift = 0;
  reg [{bus.data_width - 1}:0] w_drift = 0;
  assign m_axi_awvalid = aw_left != 0 && got >= addressed + {BURST};
  assign m_axi_awaddr = aw_addr + drift;
  assign m_axi_wvalid = w_left != 0 && got != sent && !w_hidden;
  assign m_axi_wdata = data[sent[9:0]] ^ w_drift;
  assign m_axi_wstrb = {{2{{strobe}}}};
  assign m_axi_wlast = in_burst == {2 if bugs["wlast"] else 3};
  assign m_axi_bready = 1;
  wire b_end = m_axi_bvalid && b_left == 1;
  wire bad = (m_axi_rvalid && m_axi_rresp[1]) || (m_axi_bvalid && m_axi_bresp[1]);
  always @(posedge clk) begin
    now <= now + 1;
    since_reset <= rst ? 0 : since_reset + 1;
    if (start) doorbell <= since_reset;
    if (busy) cycles <= cycles + 1;
    ar_hidden <= {bugs["ar_dropped"]} && m_axi_arvalid && !m_axi_arready;
    w_hidden <= {bugs["w_dropped"]} && m_axi_wvalid && !m_axi_wready;
    if (m_axi_awvalid && !m_axi_awready) drift <= {bugs["aw_changed"]} * {step};
    else drift <= 0;
    if (m_axi_wvalid && !m_axi_wready) w_drift <= {bugs["w_changed"]};
    else w_drift <= 0;
    if (m_axi_arvalid && m_axi_arready && ar_left != 0) begin
      ar_left <= ar_left - 1; ar_addr <= ar_addr + {step}; time_ar <= now;
    end
    if (m_axi_rvalid) begin
      data[got[9:0]] <= m_axi_rdata;
      beat_log[got[5:0]] <= {{m_axi_rid, m_axi_rresp, m_axi_rlast}};
      got <= got + 1; beats_read <= beats_read + 1;
      if (got == 0) time_r_first <= now;
      time_r_last <= now;
    end
    if (m_axi_awvalid && m_axi_awready) begin
      aw_left <= aw_left - 1; aw_addr <= aw_addr + {step}; addressed <= addressed + {BURST};
      time_aw <= now;
    end
    if (m_axi_wvalid && m_axi_wready) begin
      w_left <= w_left - 1; sent <= sent + 1; in_burst <= in_burst + 1;
      beats_written <= beats_written + 1; time_w_last <= now;
    end
    if (do_write && s_axil_awaddr == {address("IRQ_CAUSE")}) cause <= cause & ~s_axil_wdata[1:0];
    if (m_axi_bvalid) begin
      b_left <= b_left - 1; time_b <= now;
      answer_log[answered[5:0]] <= {{m_axi_bid, m_axi_bresp}};
      answered <= answered + 1;
    end
    if (bad) failed <= 1;
    if (busy && b_end) begin
      busy <= 0; done <= 1;
      cause <= cause | (failed | bad ? 2'd2 : 2'd1);
      if ({bugs["ar_with_irq"]}) ar_left <= 1;
    end
    was_irq <= irq;
    if (irq && !was_irq) begin
      if ({bugs["ar_after_irq"]}) ar_left <= 1;
      if ({bugs["aw_after_irq"]}) begin aw_left <= 1; got <= addressed + {BURST}; end
    end
    if (start) begin
      busy <= 1; done <= 0; failed <= 0; cycles <= 0; now <= 1;
      beats_read <= 0; beats_written <= 0;
      ar_left <= count; aw_left <= count; b_left <= count; w_left <= count * {BURST};
      ar_addr <= base; aw_addr <= base + {DISTANCE};
      got <= 0; sent <= 0; addressed <= 0; in_burst <= 0; answered <= 0;
    end
    if (rst) begin
      busy <= 0; done <= 0; failed <= 0; cause <= 0;
      ar_left <= 0; aw_left <= 0; b_left <= 0; w_left <= 0; got <= 0; sent <= 0;
    end
  end
endmodule
"""
