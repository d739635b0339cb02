// Puts the parts together: a gate is chosen, its value is chosen, what is shown is drawn anew.

function facts(gate) {
  const range = known(gate.low) && known(gate.high) ? `${gate.low} to ${gate.high}` : "not known";
  const left = gate.not_finite ? [["Left out, not finite", counted(gate.not_finite, "image")]] : [];
  const lines = [["Gate", gate.name, "wide"], ["Weighs", gate.kind], ["Values", gate.shape.join(" × ")],
    ["Range", range], ["Mean", number(gate.mean)], ["Specificity", estimate(gate.specificity)],
    ["At the low end", share(gate.saturated_low)], ["At the high end", share(gate.saturated_high)],
    ["The same for every image", share(gate.constant)], ["Redundancy", number(gate.redundancy)],
    ["Effective rank", known(gate.rank) ? gate.rank.toFixed(1) : "n/a"], ...left,
    ...(gate.slow ? [["Read", "slowly, by operators"]] : [])];
  place("facts").replaceChildren(...lines.map(([term, text, name]) =>
    made("div", {class: name ?? null}, made("dt", {}, term), made("dd", {}, text))));
}

function chosen() {
  read(now(), state.value);
  drivers(now());
}

function refresh() {
  const gate = now();
  buildControls(gate);
  const drawing = gate.profiles.length && state.groups.size ? (isMap(gate) ? positions(gate) : profile(gate))
    : made("p", {class: "note"}, "Choose a class to see its values.");
  const focused = place("drawing").contains(document.activeElement);
  place("drawing").replaceChildren(drawing);
  if (focused) place("drawing").querySelector("[tabindex]")?.focus();
  chosen();
}

function choose(number_) {
  state.gate = number_;
  state.branch = isBranches(now()) ? "difference" : 0;
  state.value = telling(now());
  markStrip();
  facts(now());
  refresh();
}

// To begin with, the gate that tells classes apart most; the first where none is known to.
const mostSpecific = () => found.gates.reduce((best, gate, n) =>
  (gate.specificity[0] ?? -Infinity) > (found.gates[best].specificity[0] ?? -Infinity) ? n : best, 0);

if (found.gates.length) {
  buildStrip();
  choose(mostSpecific());
  for (const link of document.querySelectorAll("a[data-gate]"))
    link.addEventListener("click", () => choose(Number(link.dataset.gate)));
  let wide = place("drawing").clientWidth;
  new ResizeObserver(() => {
    if (place("drawing").clientWidth === wide) return;
    wide = place("drawing").clientWidth;
    refresh();
  }).observe(place("drawing"));
}
buildMaps();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  if (found.gates.length) refresh();
  if (found.maps.length) showMaps();
});
