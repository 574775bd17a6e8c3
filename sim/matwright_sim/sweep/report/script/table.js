// SPDX-License-Identifier: Apache-2.0
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
