// The network as a row of blocks, one for each gate: how class-specific it is, and how saturated.

const GLYPHS = {channels: "M2 1v10M6 1v10M10 1v10", positions: "M1 1h4v4H1zM7 1h4v4H7zM1 7h4v4H1zM7 7h4v4H7z",
  branches: "M6 11V7L2 1M6 7l4-6", context: "M6 1v10M1 6h10"};
const MEANS = {channels: "weighs channels", positions: "weighs positions", branches: "weighs branches",
  context: "is added to channels"};

const kinds = [...new Set(found.gates.map(gate => gate.kind))];
const most = Math.max(0.1, ...found.gates.map(gate => gate.specificity[0] ?? 0));
const full = Math.min(1, Math.ceil(most * 10 - 1e-9) / 10);

const glyph = kind => drawn("svg", {width: 12, height: 12, "aria-hidden": "true"},
  drawn("path", {d: GLYPHS[kind] ?? GLYPHS.context, fill: "none", stroke: "currentColor", "stroke-width": 1.5}));
const part = (name, value) => made("span", {class: known(value) ? name : `${name} unknown`,
  style: known(value) ? `--share: ${Math.max(0, Math.min(1, value))}` : null});

function told(gate) {
  return `${gate.name} ${MEANS[gate.kind] ?? gate.kind}; specificity ${estimate(gate.specificity)}, ` +
    `${share(gate.saturated)} saturated, mean ${number(gate.mean)}`;
}

function block(gate, number_) {
  const gauge = part("gauge", gate.saturated);
  gauge.append(made("i"));
  const specific = gate.specificity[0];
  const short = known(specific) ? specific.toFixed(2) : "n/a";
  const cell = made("span", {class: "cell"}, part("fill", known(specific) ? specific / full : null), gauge);
  const button = made("button", {type: "button", class: "block", role: "tab", id: `tab-${number_}`,
    "aria-controls": "gate", "aria-label": `Gate ${number_ + 1} ${short}: ${told(gate)}`}, cell, `${number_ + 1} `);
  if (kinds.length > 1) button.append(glyph(gate.kind));
  button.append(made("small", {}, short));
  button.addEventListener("click", () => choose(number_));
  for (const event of ["pointerenter", "focus"]) button.addEventListener(event, () => tell(number_));
  button.addEventListener("pointerleave", () => tell(state.gate));
  return button;
}

function tell(number_) {
  const gate = found.gates[number_];
  place("told").replaceChildren(made("b", {}, `${number_ + 1}. ${gate.name}`), told(gate).slice(gate.name.length));
}

const KEYS = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity};
function step(event) {
  if (!(event.key in KEYS)) return;
  event.preventDefault();
  choose(Math.max(0, Math.min(found.gates.length - 1, state.gate + KEYS[event.key])));
  place(`tab-${state.gate}`).focus();
}

function buildStrip() {
  const stages = [];
  found.gates.forEach((gate, number_) => {
    if (!stages.length || stages.at(-1).name !== gate.stage) stages.push({name: gate.stage, blocks: []});
    stages.at(-1).blocks.push(block(gate, number_));
  });
  for (const {name, blocks} of stages) {
    const run = made("div", {class: "run", role: "presentation"}, ...blocks);
    const head = name ? [made("b", {}, name)] : [];
    place("strip").append(made("div", {class: "stage", role: "presentation"}, ...head, run));
  }
  place("strip").addEventListener("keydown", step);
  buildKeys();
}

function buildKeys() {
  const gauge = made("span", {class: "gauge", style: "--share: .6"}, made("i"));
  const items = [[`specificity 0`, made("span", {class: "ramp specific"}), String(full)],
    [gauge, "share of values at an end of the range; the whole height is all"],
    ...(kinds.length > 1 ? kinds.map(kind => [glyph(kind), MEANS[kind] ?? kind]) : [])];
  if (found.gates.some(gate => !known(gate.specificity[0]) || !known(gate.saturated)))
    items.push([made("span", {class: "cell unknown"}), "not known"]);
  place("keys").append(...items.map(item => made("li", {}, ...item)));
}

function markStrip() {
  for (const button of place("strip").querySelectorAll("[role=tab]")) {
    const chosen = button.id === `tab-${state.gate}`;
    button.setAttribute("aria-selected", chosen);
    button.tabIndex = chosen ? 0 : -1;
  }
  tell(state.gate);
}
