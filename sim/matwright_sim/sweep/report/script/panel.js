// SPDX-License-Identifier: Apache-2.0
// The panel: one configuration, and what was measured of it.

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
