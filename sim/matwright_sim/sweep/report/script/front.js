// SPDX-License-Identifier: Apache-2.0
// Which points are selected, and which of those nothing beats.

const usable = data.status.map((status) => status === "ok");
const brushes = new Map(); // column name to [low, high] in the units of `at`
let selected = new Uint8Array(size).fill(1);
let front = [];
let onFront = new Uint8Array(size);
let chosen = -1;
let hovered = -1;

function select() {
  selected = new Uint8Array(size).fill(1);
  for (const [name, [low, high]] of brushes) {
    const at = byName.get(name).at;
    for (let i = 0; i < size; i++) {
      if (at[i] === null || at[i] < low || at[i] > high) selected[i] = 0;
    }
  }
  $("clear").disabled = brushes.size === 0;
  findFront();
}

function findFront() {
  const x = byName.get($("x").value).at, y = byName.get($("y").value).at;
  const sx = $("x-better").value === "less" ? 1 : -1, sy = $("y-better").value === "less" ? 1 : -1;
  const order = [];
  for (let i = 0; i < size; i++) {
    if (selected[i] && usable[i] && x[i] !== null && y[i] !== null) order.push(i);
  }
  order.sort((a, b) => sx * (x[a] - x[b]) || sy * (y[a] - y[b]));
  front = [];
  let best = Infinity, bestX = NaN;
  for (const i of order) {
    const value = sy * y[i];
    if (value < best || (value === best && x[i] === bestX)) {
      front.push(i);
      best = value;
      bestX = x[i];
    }
  }
  onFront = new Uint8Array(size);
  for (const i of front) onFront[i] = 1;
}
