// SPDX-License-Identifier: Apache-2.0
// Menus, what stands at the top and at the bottom, and the first drawing.

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
