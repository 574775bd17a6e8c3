// SPDX-License-Identifier: Apache-2.0
// The chart of two metrics.

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
