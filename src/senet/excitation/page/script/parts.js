// What all parts of this page share: its data, numbers as text, elements. Names are only ever set as text.

const found = JSON.parse(document.getElementById("excitation").textContent);
const state = {gate: 0, value: 0, branch: 0, view: "mean", order: "number", every: false, fit: false,
  groups: new Set([...found.groups.keys()].filter(group => found.groups[group].images).slice(0, 6))};
const place = id => document.getElementById(id);

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const made = (tag, attributes = {}, ...children) => build(document.createElement(tag), attributes, children);
const drawn = (tag, attributes = {}, ...children) =>
  build(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

const known = value => value !== null && value !== undefined;

function number(value) {
  if (!known(value)) return "n/a";
  const size = Math.abs(value);
  return size && size < 0.0005 ? value.toExponential(1) : size < 100 ? value.toFixed(3) : value.toPrecision(4);
}

function share(value) {
  if (!known(value)) return "n/a";
  if (value > 0 && value < 0.0005) return "<0.1%";
  return value > 0.9995 && value < 1 ? ">99.9%" : `${(100 * value).toFixed(1)}%`;
}

const estimate = three => known(three[0]) ? `${number(three[0])} ${interval(three)}` : "n/a";
const interval = ([, low, high]) => known(low) && known(high) ? `[${number(low)}, ${number(high)}]` : "[n/a]";
const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
// A path may break after each of its folders, and not within a name that fits.
const broken = text => text.split(/(?<=[/])/).flatMap(piece => [piece, made("wbr")]);
const colour = group => `var(--variant-${group % 8})`;
const dashes = group => ["none", "6 3", "2 2", "8 2 2 2"][Math.floor(group / 8) % 4];
const swatch = group => made("i", {class: `swatch v${group % 8}${group < 8 ? "" : " again"}`});
const shownGroups = () => [...state.groups].sort((a, b) => a - b);
const now = () => found.gates[state.gate];
