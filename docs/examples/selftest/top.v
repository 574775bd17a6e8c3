// SPDX-License-Identifier: Apache-2.0
// A design around a Wishbone accelerator that tests itself: a state machine opens the memory for the
// machine, rings the doorbell, waits for the interrupt, and adds up the results that it finds.
// led[0] goes on when the sum is right, led[1] when it is not or an error stopped the program.
`include "expected.vh"

module top (
    input clk,
    output reg [1:0] led
);
  reg [3:0] start = 0;
  wire rst = !start[3];
  always @(posedge clk) if (rst) start <= start + 1;

  // The memory: one port, for the accelerator until the program has ended, then for the sum.
  reg [31:0] memory[0:4095];
  initial $readmemh("memory.hex", memory);

  wire cyc, stb, we;
  wire [`ADDR_WIDTH-1:0] adr;
  wire [3:0] sel;
  wire [31:0] dat_w;
  reg [31:0] dat_r;
  reg ack;
  reg summing;
  reg [11:0] word;
  wire [11:0] address = summing ? word : adr[13:2];
  wire request = cyc & stb & ~ack;
  integer i;
  always @(posedge clk) begin
    dat_r <= memory[address];
    if (request & we & ~summing)
      for (i = 0; i < 4; i = i + 1) if (sel[i]) memory[address][8*i+:8] <= dat_w[8*i+:8];
    ack <= request & ~rst;
  end

  // The accelerator.
  wire irq, host_ack, host_err;
  wire [31:0] host_dat_r;
  reg host_stb;
  reg [12:0] host_adr;
  reg [31:0] host_dat_w;
  `NAME accelerator (
      .clk(clk),
      .rst(rst),
      .irq(irq),
      .wbm_cyc(cyc),
      .wbm_stb(stb),
      .wbm_we(we),
      .wbm_adr(adr),
      .wbm_sel(sel),
      .wbm_dat_w(dat_w),
      .wbm_cti(),
      .wbm_bte(),
      .wbm_dat_r(dat_r),
      .wbm_ack(ack),
      .wbm_err(1'b0),
      .wbs_cyc(host_stb),
      .wbs_stb(host_stb),
      .wbs_we(1'b1),
      .wbs_adr(host_adr),
      .wbs_sel(4'hf),
      .wbs_dat_w(host_dat_w),
      .wbs_cti(3'b000),
      .wbs_bte(2'b00),
      .wbs_dat_r(host_dat_r),
      .wbs_ack(host_ack),
      .wbs_err(host_err)
  );

  // What the host does: writes of registers, whose offsets are those of registers.md; then the sum.
  reg [2:0] step;
  wire doing = step < 6;
  always @* begin
    case (step)
      0: {host_adr, host_dat_w} = {13'h1100, 32'h0000};  // WINDOW0_BASE_LO, and
      1: {host_adr, host_dat_w} = {13'h1108, 32'h3fff};  // WINDOW0_LIMIT_LO: the 16 KiB from 0
      2: {host_adr, host_dat_w} = {13'h1110, 32'd3};  // WINDOW0_CONTROL: open to read and write
      3: {host_adr, host_dat_w} = {13'h0048, 32'd3};  // IRQ_ENABLE: done, or an error
      4: {host_adr, host_dat_w} = {13'h0058, 32'd1};  // PROGRAM_COUNT: one descriptor, at address 0
      default: {host_adr, host_dat_w} = {13'h0040, 32'd1};  // CONTROL: start
    endcase
    host_stb = doing & ~rst;
  end

  reg [31:0] sum;
  reg valid;  // dat_r is a word of D
  reg last;
  always @(posedge clk) begin
    if (rst) begin
      {step, summing, valid, last, led} <= 0;
      word <= `D_FIRST;
      sum <= 0;
    end else begin
      if (host_ack) step <= step + 1;
      if (!doing & irq) summing <= 1;
      valid <= summing & !last;
      last <= summing & (last | word == `D_FIRST + `D_WORDS - 1);
      if (summing & !last) word <= word + 1;
      if (valid) sum <= sum + dat_r;
      if (last & !valid) led <= (sum == `D_SUM) ? 2'b01 : 2'b10;
    end
  end
endmodule
