// SPDX-License-Identifier: Apache-2.0
// Runs top.v until an LED goes on.
`timescale 1ns / 1ps
module tb;
  reg clk = 0;
  wire [1:0] led;
  integer cycles = 0;
  always #5 clk = ~clk;
  top top (
      .clk(clk),
      .led(led)
  );
  always @(posedge clk) begin
    cycles = cycles + 1;
    if (led == 2'b01) begin
      $display("PASS after %0d cycles", cycles);
      $finish;
    end
    if (led[1] || cycles == 20000) begin
      $display("FAIL after %0d cycles, led %b", cycles, led);
      $finish;
    end
  end
endmodule
