// SPDX-License-Identifier: Apache-2.0
// Parallel coordinates, and ranges selected on them.

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
  keepStretches();
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
