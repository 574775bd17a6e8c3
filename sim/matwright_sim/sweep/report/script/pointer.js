// SPDX-License-Identifier: Apache-2.0
// The pointer on the chart of two metrics.

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
