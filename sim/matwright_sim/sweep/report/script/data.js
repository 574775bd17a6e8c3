// SPDX-License-Identifier: Apache-2.0
// The data: columns of numbers, and how they are written.

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const size = data.points.length;
const columns = data.columns;
const byName = new Map(columns.map((column) => [column.name, column]));
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Columns: numbers are as they are, all else is its place in the list of levels.
for (const column of columns) {
  const present = column.values.filter((value) => value !== null);
  column.numeric = present.every((value) => typeof value === "number");
  column.empty = present.length === 0;
  const distinct = new Set(present);
  column.constant = distinct.size < 2;
  const order = (a, b) => (column.numeric ? a - b : String(a) < String(b) ? -1 : 1);
  // What was chosen stands at equal distances if it is few values; what was measured, where it is.
  const few = !column.numeric || (column.kind === "axis" && distinct.size <= 12);
  column.levels = few ? [...distinct].sort(order) : null;
  if (column.numeric) {
    column.at = column.values;
  } else {
    const place = new Map(column.levels.map((value, index) => [value, index]));
    column.at = column.values.map((value) => (value === null ? null : place.get(value)));
  }
  column.low = Infinity;
  column.high = -Infinity;
  for (const value of column.at) {
    if (value === null) continue;
    if (value < column.low) column.low = value;
    if (value > column.high) column.high = value;
  }
  column.wide = column.numeric && column.low > 0 && column.high / column.low > 8;
}

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
function text(value, short) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  const magnitude = Math.abs(value);
  if (short && magnitude >= 1e4) {
    const units = [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
    const [unit, letter] = units.find(([least]) => magnitude >= least * 0.9995);
    return `${+(value / unit).toPrecision(3)}${letter}`;
  }
  if (Number.isInteger(value)) return grouped.format(value);
  return magnitude >= 1e5 ? grouped.format(value) : String(+value.toPrecision(4));
}
