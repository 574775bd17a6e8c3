// SPDX-License-Identifier: Apache-2.0
// The report of a sweep. Plain script: two canvases, a table that draws the rows in sight, and a panel.
"use strict";
(() => {
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

  // Which points are selected, and which of them are on the front.
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

  // Drawing.
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

  let shade = null;
  let positions = null; // of the points of the scatter, for the pointer

  function drawScatter() {
    const [context, width, height] = prepare($("scatter"));
    const x = byName.get($("x").value), y = byName.get($("y").value);
    const color = byName.get($("color").value);
    const left = 66, right = width - (color ? 96 : 18), top = 12, bottom = height - 44;
    const xLog = $("x-log").checked && x.low > 0, yLog = $("y-log").checked && y.low > 0;
    const px = scale(x, left, right, xLog), py = scale(y, bottom, top, yLog);
    const ink = css("--ink"), quiet = css("--quiet"), grid = css("--grid");
    context.lineWidth = 1;
    context.textAlign = "center";
    context.textBaseline = "top";
    let last = -Infinity;
    for (const [value, label] of ticks(x, px, xLog, width / 110)) {
      const at = px(value);
      context.strokeStyle = grid;
      line(context, at, top, at, bottom);
      const words = text(label, true), half = context.measureText(words).width / 2;
      if (at - half < last + 6) continue;
      last = at + half;
      context.fillStyle = quiet;
      context.fillText(words, at, bottom + 6);
    }
    context.textAlign = "right";
    context.textBaseline = "middle";
    last = Infinity;
    for (const [value, label] of ticks(y, py, yLog, height / 60)) {
      const at = py(value);
      context.strokeStyle = grid;
      line(context, left, at, right, at);
      if (at > last - 14) continue;
      last = at;
      context.fillStyle = quiet;
      context.fillText(text(label, true), left - 7, at);
    }
    context.strokeStyle = css("--line");
    line(context, left, bottom, right, bottom);
    line(context, left, top, left, bottom);
    context.fillStyle = ink;
    context.textAlign = "center";
    context.textBaseline = "bottom";
    context.fillText(x.name, (left + right) / 2, height - 4);
    context.save();
    context.translate(11, (top + bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.textBaseline = "middle";
    context.fillText(y.name, 0, 0);
    context.restore();

    positions = new Float32Array(2 * size).fill(-1e6);
    const radius = size > 3000 ? 2.2 : size > 400 ? 3 : 4.5;
    const dim = css("--dim"), mid = css("--mid");
    for (let pass = 0; pass < 2; pass++) {
      context.globalAlpha = pass === 0 ? 0.5 : size > 3000 ? 0.65 : 0.85;
      for (let i = 0; i < size; i++) {
        if (selected[i] !== pass || !usable[i] || x.at[i] === null || y.at[i] === null) continue;
        const a = px(x.at[i]), b = py(y.at[i]);
        context.fillStyle = pass === 0 ? dim : shade && shade[i] >= 0 ? palette[shade[i]] : mid;
        context.beginPath();
        context.arc(a, b, radius, 0, 7);
        context.fill();
        if (pass) { positions[2 * i] = a; positions[2 * i + 1] = b; }
      }
    }
    context.globalAlpha = 1;
    context.strokeStyle = css("--accent");
    context.lineWidth = 1.3;
    context.setLineDash([4, 3]);
    context.beginPath();
    front.forEach((i, n) => {
      const a = positions[2 * i], b = positions[2 * i + 1];
      if (n === 0) return context.moveTo(a, b);
      const before = front[n - 1];
      context.lineTo(a, positions[2 * before + 1]); // what is reached so far, until the next is
      context.lineTo(a, b);
    });
    context.stroke();
    context.setLineDash([]);
    context.lineWidth = 2;
    for (const i of front) ring(context, i, radius + 2);
    context.strokeStyle = ink;
    for (const i of [hovered, chosen]) if (i >= 0) ring(context, i, radius + 4.5);
    if (color) drawLegend(context, color, right + 16, top, Math.min(180, bottom - top));
  }

  function ring(context, i, radius) {
    context.beginPath();
    context.arc(positions[2 * i], positions[2 * i + 1], radius, 0, 7);
    context.stroke();
  }

  function line(context, a, b, c, d) {
    context.beginPath();
    context.moveTo(Math.round(a) + 0.5, Math.round(b) + 0.5);
    context.lineTo(Math.round(c) + 0.5, Math.round(d) + 0.5);
    context.stroke();
  }

  function drawLegend(context, column, left, top, length) {
    context.textAlign = "left";
    context.textBaseline = "top";
    context.fillStyle = css("--ink");
    context.fillText(clip(context, column.name, 80), left, top);
    context.textBaseline = "middle";
    if (column.levels) {
      const span = Math.max(1, column.levels.length - 1);
      column.levels.forEach((level, index) => {
        const at = top + 28 + index * 18;
        context.fillStyle = palette[Math.round((63 * index) / span)];
        context.beginPath();
        context.arc(left + 5, at, 5, 0, 7);
        context.fill();
        context.fillStyle = css("--quiet");
        context.fillText(text(level, true), left + 16, at);
      });
      return;
    }
    for (let i = 0; i < 64; i++) {
      context.fillStyle = palette[63 - i];
      context.fillRect(left, top + 22 + (i * length) / 64, 12, length / 64 + 1);
    }
    context.fillStyle = css("--quiet");
    context.fillText(text(column.high, true), left + 18, top + 27);
    context.fillText(text(column.low, true), left + 18, top + 17 + length);
  }

  function clip(context, words, width) {
    if (context.measureText(words).width <= width) return words;
    let kept = words;
    while (kept && context.measureText(`${kept}\u2026`).width > width) kept = kept.slice(0, -1);
    return `${kept}\u2026`;
  }

  // Parallel coordinates.
  let lanes = []; // {column, x, place, levels}
  let order = columns
    .filter((column) => !column.constant && !column.empty)
    .filter((column) => column.kind === "axis" || column.better)
    .filter((column) => column.name !== "peak_macs")
    .map((column) => column.name);
  if (data.workloads.length > 1) order = order.filter((name) => !name.endsWith(".utilization"));
  order = order.slice(0, 14);

  function lay(width, height) {
    const left = 60, right = width - 60, top = 44, bottom = height - 14;
    lanes = order.map((name, n) => {
      const column = byName.get(name);
      const x = order.length > 1 ? left + (n * (right - left)) / (order.length - 1) : (left + right) / 2;
      let place;
      if (column.levels) {
        // Few levels stand at equal distances, whatever they are.
        const count = Math.max(1, column.levels.length - 1);
        const index = new Map(column.levels.map((level, i) => [column.numeric ? level : i, i]));
        place = (value) => bottom - 10 - (index.get(value) / count) * (bottom - top - 20);
      } else {
        place = scale(column, bottom, top, column.wide);
      }
      return { column, x, place, top, bottom };
    });
  }

  let still = null; // the lines without what is chosen, drawn once
  function drawLines(again = true) {
    const canvas = $("lines");
    const [context, width, height] = prepare(canvas);
    if (again || !still) {
      lay(width, height);
      let kept = 0;
      for (let i = 0; i < size; i++) kept += selected[i];
      if (brushes.size) {
        context.strokeStyle = css("--dim");
        context.globalAlpha = Math.max(0.02, Math.min(0.5, 150 / size));
        drawAll(context, 0, null);
      }
      context.globalAlpha = Math.max(0.03, Math.min(0.75, 250 / Math.max(kept, 1)));
      context.strokeStyle = css("--mid");
      drawAll(context, 1, shade);
      context.globalAlpha = 1;
      still = document.createElement("canvas");
      still.width = canvas.width;
      still.height = canvas.height;
      still.getContext("2d").drawImage(canvas, 0, 0);
    } else {
      context.save();
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.drawImage(still, 0, 0);
      context.restore();
    }
    for (const [i, color] of [[hovered, css("--ink")], [chosen, css("--accent")]]) {
      if (i < 0) continue;
      context.strokeStyle = color;
      context.lineWidth = 2.5;
      context.beginPath();
      path(context, i);
      context.stroke();
    }
    context.lineWidth = 1;
    const room = lanes.length > 1 ? lanes[1].x - lanes[0].x - 10 : 200;
    lanes.forEach((lane, n) => {
      const { column, x, place, top, bottom } = lane;
      context.strokeStyle = css("--quiet");
      line(context, x, top, x, bottom);
      context.fillStyle = css("--ink");
      context.textAlign = "center";
      context.textBaseline = "bottom";
      context.font = "600 12px system-ui, sans-serif";
      // Every other name a line higher, so that long ones have room.
      context.fillText(clip(context, column.name, Math.min(2 * room, 2 * Math.min(x, width - x) - 4)), x, n % 2 ? top - 23 : top - 7);
      context.font = "11px system-ui, sans-serif";
      context.textAlign = "left";
      context.textBaseline = "middle";
      let last = Infinity;
      const marks = column.levels
        ? column.levels.map((level, i) => [column.numeric ? level : i, level])
        : ticks(column, place, column.wide, 5);
      for (const [value, label] of marks) {
        const at = place(value);
        if (at > last - 13 || at < top - 1 || at > bottom + 1) continue;
        last = at;
        context.strokeStyle = css("--quiet");
        line(context, x - 3, at, x, at);
        const words = text(label, true);
        context.globalAlpha = 0.75;
        context.fillStyle = css("--card");
        context.fillRect(x + 3, at - 7, context.measureText(words).width + 4, 14);
        context.globalAlpha = 1;
        context.fillStyle = css("--quiet");
        context.fillText(words, x + 5, at);
      }
      const brush = brushes.get(column.name);
      if (brush && lane.pixels) drawBrush(context, lane);
    });
  }

  function drawBrush(context, lane) {
    const [low, high] = lane.pixels;
    context.globalAlpha = 0.22;
    context.fillStyle = css("--accent");
    context.fillRect(lane.x - 9, low, 18, high - low);
    context.globalAlpha = 1;
    context.strokeStyle = css("--accent");
    context.strokeRect(lane.x - 9, low, 18, high - low);
  }

  function drawAll(context, which, shade) {
    context.lineWidth = 1.1;
    if (!shade) {
      context.beginPath();
      for (let i = 0; i < size; i++) {
        if (selected[i] !== which) continue;
        path(context, i);
        if (i % 200 === 199) { context.stroke(); context.beginPath(); }
      }
      context.stroke();
      return;
    }
    for (let i = 0; i < size; i++) {
      if (selected[i] !== which) continue;
      context.strokeStyle = palette[Math.max(shade[i], 0)];
      context.beginPath();
      path(context, i);
      context.stroke();
    }
  }

  function path(context, i) {
    let open = false;
    for (const lane of lanes) {
      const value = lane.column.at[i];
      if (value === null) { open = false; continue; }
      const at = lane.place(value);
      if (open) context.lineTo(lane.x, at);
      else context.moveTo(lane.x, at);
      open = true;
    }
  }

  /** What a stretch of an axis selects, in the units of its column. */
  function range(lane, low, high) {
    if (!lane.column.levels) {
      const ends = [lane.place.value(low), lane.place.value(high)];
      return [Math.min(...ends), Math.max(...ends)];
    }
    const inside = lane.column.levels
      .map((level, i) => (lane.column.numeric ? level : i))
      .filter((value) => lane.place(value) >= low && lane.place(value) <= high);
    return inside.length ? [Math.min(...inside), Math.max(...inside)] : [Infinity, -Infinity];
  }

  // The brushes stay where they were drawn when lanes are laid anew.
  const stretches = new Map();
  function keepStretches() {
    for (const lane of lanes) {
      const kept = stretches.get(lane.column.name);
      lane.pixels = kept ? kept.map((t) => lane.top + t * (lane.bottom - lane.top)) : null;
    }
  }
  const layPlain = lay;
  lay = (width, height) => { layPlain(width, height); keepStretches(); };

  let drag = null;
  function laneAt(x) {
    let best = null, distance = 24;
    for (const lane of lanes) {
      if (Math.abs(lane.x - x) < distance) { best = lane; distance = Math.abs(lane.x - x); }
    }
    return best;
  }
  const lines = $("lines");
  lines.addEventListener("pointerdown", (event) => {
    const lane = laneAt(event.offsetX);
    if (!lane) return;
    lines.setPointerCapture(event.pointerId);
    drag = { lane, start: event.offsetY, x: event.offsetX, name: event.offsetY < lane.top - 2, moved: false };
  });
  lines.addEventListener("pointermove", (event) => {
    if (!drag) {
      const lane = laneAt(event.offsetX);
      lines.style.cursor = !lane ? "default" : event.offsetY < lane.top - 2 ? "grab" : "ns-resize";
      return;
    }
    const { lane } = drag;
    if (drag.name) {
      const from = order.indexOf(lane.column.name);
      const other = lanes.reduce((a, b) => (Math.abs(a.x - event.offsetX) < Math.abs(b.x - event.offsetX) ? a : b));
      const to = order.indexOf(other.column.name);
      if (to !== from) {
        order.splice(to, 0, ...order.splice(from, 1));
        redraw("lines");
      }
      return;
    }
    if (Math.abs(event.offsetY - drag.start) < 3 && !drag.moved) return;
    drag.moved = true;
    const bound = (y) => Math.max(lane.top, Math.min(lane.bottom, y));
    const low = bound(Math.min(drag.start, event.offsetY)), high = bound(Math.max(drag.start, event.offsetY));
    const length = lane.bottom - lane.top;
    stretches.set(lane.column.name, [(low - lane.top) / length, (high - lane.top) / length]);
    brushes.set(lane.column.name, range(lane, low, high));
    redraw("select");
  });
  const drop = () => {
    if (drag && !drag.moved && !drag.name && brushes.delete(drag.lane.column.name)) {
      stretches.delete(drag.lane.column.name);
      redraw("select");
    }
    drag = null;
  };
  lines.addEventListener("pointerup", drop);
  lines.addEventListener("pointercancel", drop);
  $("clear").addEventListener("click", () => { brushes.clear(); stretches.clear(); redraw("select"); });

  for (const column of columns) {
    if (column.empty) continue;
    const label = document.createElement("label"), box = document.createElement("input");
    box.type = "checkbox";
    box.checked = order.includes(column.name);
    box.addEventListener("change", () => {
      if (box.checked) order.push(column.name);
      else {
        order = order.filter((name) => name !== column.name);
        brushes.delete(column.name);
        stretches.delete(column.name);
      }
      redraw("select");
    });
    label.append(box, ` ${column.name}`);
    $("picks").append(label);
  }

  // The table: rows in sight are elements, the others are height.
  const rowHeight = 24;
  const failed = data.status.some((status) => status !== "ok");
  const shownColumns = [
    { name: "point", values: data.points, numeric: true },
    { name: "front", values: null, numeric: false },
    ...(failed ? [{ name: "status", values: data.status.map((status, i) => (status === "ok" ? "ok" : `${status}: ${data.reasons[i]}`)), numeric: false }] : []),
    ...columns.filter((column) => !column.empty && !(column.kind === "metric" && column.constant && !column.better)),
  ];
  let sorting = { name: $("y").value, down: false };
  let sorted = [];

  function sortRows() {
    const column = shownColumns.find((one) => one.name === sorting.name) || shownColumns[0];
    const values = column.name === "front" ? Array.from(onFront, (bit) => 1 - bit) : column.values;
    const sign = sorting.down ? -1 : 1;
    const only = $("only-front").checked;
    sorted = [];
    for (let i = 0; i < size; i++) if (selected[i] && (!only || onFront[i])) sorted.push(i);
    sorted.sort((a, b) => {
      const p = values[a], q = values[b];
      if (p === null || q === null) return (p === null) - (q === null) || a - b; // nothing comes last
      return sign * (p < q ? -1 : p > q ? 1 : 0) || a - b;
    });
    $("body").style.height = `${sorted.length * rowHeight}px`;
    const legal = data.counts.ok + data.counts.failed;
    $("shown").textContent = `${grouped.format(sorted.length)} of ${grouped.format(legal)} points, ${grouped.format(front.length)} on the front`;
    for (const button of $("head").children) {
      const mine = button.dataset.name === sorting.name;
      button.setAttribute("aria-sort", mine ? (sorting.down ? "descending" : "ascending") : "none");
      button.textContent = button.dataset.name + (mine ? (sorting.down ? " \u25be" : " \u25b4") : "");
    }
  }

  // Widths are fixed, so that heading and rows agree; the last column takes what is left.
  const ruler = document.createElement("canvas").getContext("2d");
  function wide(words, font) {
    ruler.font = `${font} 12.5px system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif`;
    return ruler.measureText(words).width;
  }
  const widths = shownColumns
    .map((column, n) => {
      let most = wide(`${column.name} \u25be`, 600);
      const sample = column.values ? column.values.slice(0, 200) : [];
      if (column.numeric && column.high !== undefined) sample.push(column.high);
      for (const value of sample) most = Math.max(most, wide(text(value), 400));
      const width = `${Math.ceil(Math.min(most, 320)) + 18}px`;
      return n === shownColumns.length - 1 ? `minmax(${width}, 1fr)` : width;
    })
    .join(" ");
  $("head").style.gridTemplateColumns = widths;
  for (const column of shownColumns) {
    const button = document.createElement("button");
    button.dataset.name = column.name;
    button.title = column.meaning || "";
    button.className = column.numeric ? "" : "text";
    button.addEventListener("click", () => {
      sorting = { name: column.name, down: sorting.name === column.name ? !sorting.down : column.better === "more" };
      sortRows();
      drawRows();
    });
    $("head").append(button);
  }

  function drawRows() {
    const box = $("table");
    const first = Math.max(0, Math.floor((box.scrollTop - 30) / rowHeight) - 5);
    const last = Math.min(sorted.length, first + Math.ceil(box.clientHeight / rowHeight) + 12);
    const made = document.createDocumentFragment();
    for (let n = first; n < last; n++) {
      const i = sorted[n];
      const row = document.createElement("div");
      row.className = i === chosen ? "row chosen" : "row";
      row.style.gridTemplateColumns = widths;
      row.dataset.index = i;
      for (const column of shownColumns) {
        const cell = document.createElement("span");
        if (column.name === "front") {
          cell.textContent = onFront[i] ? "\u25cf" : "";
          cell.className = "text front";
        } else {
          cell.textContent = text(column.values[i]);
          if (!column.numeric) { cell.className = "text"; cell.title = cell.textContent; }
        }
        row.append(cell);
      }
      made.append(row);
    }
    $("window").style.top = `${first * rowHeight}px`;
    $("window").replaceChildren(made);
  }
  $("table").addEventListener("scroll", () => requestAnimationFrame(drawRows));
  $("body").addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (row) choose(+row.dataset.index);
  });
  $("table").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !sorted.length) return;
    event.preventDefault();
    const at = sorted.indexOf(chosen);
    const next = at < 0 ? 0 : Math.max(0, Math.min(sorted.length - 1, at + step));
    const top = next * rowHeight;
    const box = $("table");
    if (top < box.scrollTop) box.scrollTop = top;
    if (top > box.scrollTop + box.clientHeight - 80) box.scrollTop = top - box.clientHeight + 80;
    choose(sorted[next]);
  });

  // The panel.
  function toml(i) {
    const made = data.toml.lines.slice();
    for (const [place, variants, index] of data.toml.varying) made[place] = variants[index[i]];
    return `${made.join("\n")}\n`;
  }

  function cells(table, rows, heading) {
    table.replaceChildren();
    for (const row of heading ? [heading, ...rows] : rows) {
      const line = document.createElement("tr");
      for (const value of row) {
        const cell = document.createElement(row === heading ? "th" : "td");
        cell.textContent = text(value);
        line.append(cell);
      }
      table.append(line);
    }
  }

  function choose(i) {
    chosen = i;
    const number = data.points[i];
    history.replaceState(null, "", `#point=${number}`);
    $("details-title").textContent = `Configuration of point ${number}`;
    $("details-hint").hidden = true;
    $("details-body").hidden = false;
    $("details-reason").hidden = data.status[i] === "ok";
    $("details-reason").textContent = `${data.status[i]}: ${data.reasons[i]}`;
    $("toml").textContent = toml(i);
    $("copied").textContent = "";
    cells($("facts"), columns.filter((column) => column.values[i] !== null).map((column) => [column.name, column.values[i]]));
    const { list, cycles } = data.gemms;
    const mine = cycles ? cycles[i] : null;
    $("gemms-title").textContent = mine ? "GEMMs" : "GEMMs (their cycles are in gemms.csv)";
    cells(
      $("gemms"),
      list.map(([load, name, m, n, k, count, place]) => [
        data.workloads.length > 1 ? `${load}: ${name}` : name, `${m},${n},${k}`, count, ...(mine ? [mine[place]] : []),
      ]),
      ["name", "m,n,k", "count", ...(mine ? ["cycles each"] : [])],
    );
    drawScatter();
    drawLines(false);
    drawRows();
  }

  $("copy").addEventListener("click", async () => {
    const words = $("toml").textContent;
    let done = false;
    try {
      await navigator.clipboard.writeText(words);
      done = true;
    } catch {
      const area = document.createElement("textarea"); // where a file may not use the clipboard
      area.value = words;
      document.body.append(area);
      area.select();
      done = document.execCommand("copy");
      area.remove();
    }
    $("copied").textContent = done ? "copied" : "select the text and copy it";
  });
  $("save").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([$("toml").textContent], { type: "text/plain" }));
    link.download = `${data.name}_${data.points[chosen]}.toml`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });

  // The pointer on the scatter.
  function nearest(event) {
    let best = -1, distance = 14 * 14;
    for (let i = 0; i < size; i++) {
      const dx = positions[2 * i] - event.offsetX, dy = positions[2 * i + 1] - event.offsetY;
      const d = dx * dx + dy * dy - (onFront[i] ? 4 : 0);
      if (d < distance) { distance = d; best = i; }
    }
    return best;
  }
  const scatter = $("scatter");
  scatter.addEventListener("pointermove", (event) => {
    const i = nearest(event);
    const tip = $("tip");
    if (i !== hovered) {
      hovered = i;
      drawScatter();
      if (size <= 3000) drawLines(false);
    }
    tip.hidden = i < 0;
    if (i < 0) return;
    const names = new Set([...columns.filter((c) => c.kind === "axis" && !c.constant).map((c) => c.name), $("x").value, $("y").value, $("color").value]);
    names.delete("");
    tip.textContent = [`point ${data.points[i]}${onFront[i] ? ", on the front" : ""}`, ...[...names].map((name) => `${name}  ${text(byName.get(name).values[i])}`)].join("\n");
    const flip = event.offsetX > scatter.clientWidth - 220;
    tip.style.left = flip ? "" : `${event.offsetX + 14}px`;
    tip.style.right = flip ? `${scatter.clientWidth - event.offsetX + 14}px` : "";
    tip.style.top = `${Math.min(event.offsetY + 10, scatter.clientHeight - 20 * (names.size + 1))}px`;
  });
  scatter.addEventListener("pointerleave", () => {
    hovered = -1;
    $("tip").hidden = true;
    drawScatter();
    drawLines(false);
  });
  scatter.addEventListener("click", (event) => {
    const i = nearest(event);
    if (i >= 0) choose(i);
  });

  // Menus.
  function option(select, name) {
    const made = document.createElement("option");
    made.value = made.textContent = name;
    select.append(made);
  }
  const plottable = columns.filter((column) => !column.empty);
  for (const id of ["x", "y", "color"]) {
    if (id === "color") {
      option($(id), "");
      $(id).firstChild.textContent = "none";
    }
    for (const column of plottable) option($(id), column.name);
  }
  function preset(id, name) {
    const column = byName.get(name);
    $(id).value = name;
    $(`${id}-better`).value = column.better || "less";
    $(`${id}-log`).checked = column.wide;
    $(`${id}-log`).disabled = !(column.low > 0);
  }
  const costs = plottable.filter((column) => column.better === "less");
  const speed = costs.find((column) => column.name.endsWith(".ms")) || costs.find((column) => column.name.endsWith(".cycles"));
  preset("x", byName.has("multipliers") ? "multipliers" : plottable[0].name);
  preset("y", (speed || plottable[0]).name);
  sorting = { name: $("y").value, down: false };
  const colored = plottable.find((column) => column.kind === "axis" && !column.constant);
  $("color").value = colored ? colored.name : "";
  for (const id of ["x", "y"]) {
    $(id).addEventListener("change", () => { preset(id, $(id).value); redraw("select"); });
    $(`${id}-better`).addEventListener("change", () => redraw("select"));
    $(`${id}-log`).addEventListener("change", () => redraw("scatter"));
  }
  $("color").addEventListener("change", () => { shade = shades(byName.get($("color").value)); redraw("scatter", "lines"); });
  $("only-front").addEventListener("change", () => { sortRows(); drawRows(); });

  const wanted = new Set();
  function redraw(...what) {
    if (!wanted.size) requestAnimationFrame(() => {
      const now = new Set(wanted);
      wanted.clear();
      if (now.has("select")) select();
      if (now.has("select") || now.has("scatter")) drawScatter();
      if (now.has("select") || now.has("lines")) drawLines();
      if (now.has("select")) { sortRows(); drawRows(); }
    });
    for (const one of what) wanted.add(one);
  }

  // What stands at the top and at the bottom.
  $("title").textContent = data.name;
  const total = data.counts.ok + data.counts.failed + data.counts.illegal;
  $("summary").textContent = [
    `${grouped.format(total)} points: ${grouped.format(data.counts.ok)} measured, ${grouped.format(data.counts.failed)} failed, ${grouped.format(data.counts.illegal)} not configurations`,
    ...data.workloads.map((load) => `${load.name}: ${load.source}, ${text(load.macs, true)}MAC`.replace(/ ?MAC$/, " MACs")),
    data.memory[0] === data.memory[1] ? `memory ${data.memory[0]} cycles away` : `memory ${data.memory[0]} cycles away to read, ${data.memory[1]} to write`,
    ...data.notes,
    `Matwright ${data.version}`,
  ].join(" \u00b7 ");
  if (data.illegal.length) {
    $("illegal").hidden = false;
    for (const [reason, points] of data.illegal) {
      const details = document.createElement("details"), summary = document.createElement("summary");
      summary.textContent = `${grouped.format(points.length)} \u00d7 ${reason}`;
      details.append(summary);
      details.addEventListener("toggle", () => {
        if (details.children.length > 1) return;
        const list = document.createElement("ul");
        for (const [number, settings] of points.slice(0, 1000)) {
          const item = document.createElement("li");
          item.textContent = `point ${number}: ${settings}`;
          list.append(item);
        }
        if (points.length > 1000) list.append(`and ${points.length - 1000} more in results.csv`);
        details.append(list);
      });
      $("reasons").append(details);
    }
  }

  function everything() {
    makePalette();
    shade = shades(byName.get($("color").value));
    select();
    drawScatter();
    drawLines();
    sortRows();
    drawRows();
  }
  everything();
  const asked = /^#point=(\d+)$/.exec(location.hash);
  if (asked && data.points.includes(+asked[1])) choose(data.points.indexOf(+asked[1]));
  new ResizeObserver(() => redraw("scatter", "lines")).observe(document.querySelector("main"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", everything);
  document.documentElement.dataset.ready = "yes";
})();
