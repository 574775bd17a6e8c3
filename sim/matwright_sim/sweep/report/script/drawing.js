// SPDX-License-Identifier: Apache-2.0
// What both charts draw with: scales, ticks, shades.

function prepare(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "12px system-ui, sans-serif";
  return [context, width, height];
}

function scale(column, from, to, log) {
  let low = column.low, high = column.high;
  if (low === high) { low -= low ? Math.abs(low) * 0.1 : 1; high += high ? Math.abs(high) * 0.1 : 1; if (log) low = Math.max(low, high / 10); }
  const f = log ? Math.log : (value) => value;
  const margin = (f(high) - f(low)) * 0.04;
  const a = f(low) - margin, b = f(high) + margin;
  const place = (value) => from + ((f(value) - a) / (b - a)) * (to - from);
  place.ends = log ? [Math.exp(a), Math.exp(b)] : [a, b];
  place.value = (pixel) => {
    const inner = a + ((pixel - from) / (to - from)) * (b - a);
    return log ? Math.exp(inner) : inner;
  };
  return place;
}

function ticks(column, place, log, count) {
  if (column.levels && column.levels.length <= Math.max(count, 2) + 2) {
    return column.levels.map((level, index) => [column.numeric ? level : index, level]);
  }
  const [low, high] = place.ends;
  const found = [];
  if (log) {
    const decades = Math.log10(high / low);
    const steps = decades < 1.2 ? [1, 1.5, 2, 3, 4, 5, 6, 7, 8] : decades < 3 ? [1, 2, 5] : [1];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const step of steps) {
        const value = step * 10 ** power;
        if (value >= low && value <= high) found.push([value, value]);
      }
    }
    if (found.length >= 2) return found;
    found.length = 0;
  }
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= raw) * power;
  for (let n = Math.ceil(low / step); n * step <= high; n++) {
    const value = +(n * step).toPrecision(12);
    if (column.numeric || (Number.isInteger(value) && column.levels[value] !== undefined)) {
      found.push([value, column.numeric ? value : column.levels[value]]);
    }
  }
  return found;
}

function parse(color) {
  const n = parseInt(color.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}
let palette = [];
function makePalette() {
  const stops = ["--low", "--mid", "--high"].map((name) => parse(css(name)));
  palette = [];
  for (let i = 0; i < 64; i++) {
    const t = (i / 63) * 2, n = Math.min(1, Math.floor(t)), part = t - n;
    palette.push(`rgb(${stops[n].map((v, k) => Math.round(v + part * (stops[n + 1][k] - v))).join(",")})`);
  }
}
/** Shade of each point by a column: by its place among few levels, else along the range. */
function shades(column) {
  if (!column || column.empty) return null;
  const found = new Int8Array(size).fill(-1);
  const place = column.levels ? new Map(column.levels.map((value, index) => [value, index])) : null;
  const span = place ? Math.max(1, column.levels.length - 1) : 0;
  const f = column.wide ? Math.log : (value) => value;
  const low = f(column.low), range = f(column.high) - low || 1;
  for (let i = 0; i < size; i++) {
    if (column.values[i] === null) continue;
    const t = place ? place.get(column.values[i]) / span : (f(column.at[i]) - low) / range;
    found[i] = Math.round(63 * t);
  }
  return found;
}
