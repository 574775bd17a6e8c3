// SPDX-License-Identifier: Apache-2.0
// What the generator writes, in small: a hierarchy of escaped names, a shared part used twice, a
// multiplier, a memory, a carry chain, a register that starts at 1, a name as of an element; and more
// ports than a device has pins.

module matwright_toy(clk, rst, enable, a, b, total, wide);
  input clk, rst, enable;
  input [7:0] a, b;
  output [31:0] total;
  output [319:0] wide;
  wire clk, rst, enable;
  wire [7:0] a, b;
  wire [31:0] total;
  assign wide = {10{total}};
  \matwright_toy.engine  engine (
    .clk(clk),
    .rst(rst),
    .\enable$3 (enable),
    .a(a),
    .b(b),
    .total(total)
  );
endmodule

module \matwright_toy.engine (clk, rst, \enable$3 , a, b, total);
  input clk, rst, \enable$3 ;
  input [7:0] a, b;
  output [31:0] total;
  wire [31:0] east, west;
  wire [15:0] \product[0] ;
  reg [31:0] total = 32'd1;
  reg [7:0] held_a = 0, held_b = 0;
  reg [8:0] \row$1  = 0;
  assign \product[0]  = held_a * held_b;
  always @(posedge clk)
    if (rst) total <= 32'd1;
    else total <= east + west;
  always @(posedge clk) begin
    held_a <= a;
    held_b <= b;
    \row$1  <= \row$1  + \enable$3 ;
  end
  matwright_toy_adder east_adder (
    .clk(clk),
    .enable(\enable$3 ),
    .row(\row$1 ),
    .value(\product[0] ),
    .sum(east)
  );
  matwright_toy_adder west_adder (
    .clk(clk),
    .enable(\enable$3 ),
    .row(\row$1 ),
    .value({ a, b }),
    .sum(west)
  );
endmodule

module matwright_toy_adder(clk, enable, row, value, sum);
  input clk, enable;
  input [8:0] row;
  input [15:0] value;
  output [31:0] sum;
  reg [31:0] sum = 0;
  wire [15:0] kept;
  matwright_toy_sram #(
    .DEPTH(32'd512),
    .WIDTH(32'd16)
  ) cells (
    .clk(clk),
    .w_en(enable),
    .addr(row),
    .w_data(value),
    .r_data(kept)
  );
  always @(posedge clk)
    if (enable) sum <= sum + kept;
endmodule

module matwright_toy_sram (clk, w_en, addr, w_data, r_data);
  parameter DEPTH = 2;
  parameter WIDTH = 1;
  input clk, w_en;
  input [8:0] addr;
  input [WIDTH-1:0] w_data;
  output reg [WIDTH-1:0] r_data;
  (* no_rw_check *) reg [WIDTH-1:0] memory [0:DEPTH-1];
  always @(posedge clk) begin
    if (w_en) memory[addr] <= w_data;
    r_data <= memory[addr ^ 9'd1];
  end
endmodule
