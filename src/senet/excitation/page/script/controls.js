// What the reader chooses of a gate: the view, the branch, which channels in which order, which classes.

function segments(legend, name, choices) {
  const labels = choices.map(([value, text, off]) => {
    const input = made("input", {type: "radio", name, value, disabled: off ? "" : null});
    input.checked = String(state[name]) === value;
    input.addEventListener("change", () => { state[name] = parsed(value); refresh(); });
    return made("label", {title: off || null}, input, text);
  });
  return made("fieldset", {class: "segments"}, made("legend", {}, legend), made("div", {}, ...labels));
}

const WORDS = {true: true, false: false};
const parsed = value => WORDS[value] ?? (/^\d+$/.test(value) ? Number(value) : value);

function views(gate) {
  const one = "A difference of branches has a mean only";
  if (isMap(gate)) return [["mean", "Mean"], ["minus", "Minus all images"], ["deviation", "Deviation"]];
  return [["mean", "Classes"], ["deviation", "Within a class", isDifference() && one],
    ["quantiles", "Quantiles", isDifference() ? one : !hasQuantiles(gate) && "No quantiles are known here"]];
}

function branches(gate) {
  const each = Array.from({length: gate.shape[0]}, (_, n) => [String(n), `Branch ${n + 1}`]);
  return segments("Branch", "branch", [...each, ["difference", "Last less first"]]);
}

function tick(group) {
  const input = made("input", {type: "checkbox", value: group});
  const {title, images} = found.groups[group];
  input.checked = state.groups.has(group);
  input.addEventListener("change", () => { state.groups[input.checked ? "add" : "delete"](group); refresh(); });
  return made("label", {}, input, swatch(group), title, made("small", {}, counted(images, "image")));
}

// Where classes are many, a word finds those whose titles hold it.
function filter(labels) {
  const input = made("input", {type: "search", placeholder: "Find a class", "aria-label": "Find a class"});
  input.addEventListener("keydown", event => { if (event.key === "Enter") event.preventDefault(); });
  input.addEventListener("input", () => {
    const word = input.value.trim().toLowerCase();
    labels.forEach((label, group) => { label.hidden = !found.groups[group].title.toLowerCase().includes(word); });
  });
  return input;
}

// Controls are made anew only where what can be chosen changed, so that the reader's focus stays where it is.
let controlled = "";
function buildControls(gate) {
  const choices = views(gate);
  const allowed = choices.filter(([, , off]) => !off).map(([value]) => value);
  if (!allowed.includes(state.view)) state.view = "mean";
  const key = JSON.stringify([state.gate, choices]);
  if (key === controlled) return;
  controlled = key;
  const focused = document.activeElement?.name && [document.activeElement.name, document.activeElement.value];
  const parts = [segments("Show", "view", choices)];
  if (isBranches(gate)) parts.push(branches(gate));
  if (!isMap(gate)) {
    if (width(gate) > SHOWN) parts.push(segments("Channels", "every",
      [["false", `${SHOWN} of them`], ["true", `All ${width(gate)}`]]));
    parts.push(segments("Order", "order", [["number", "By number"], ["mean", "By mean"]]));
    if (known(gate.low) && known(gate.high))
      parts.push(segments("Axis", "fit", [["false", "Whole range"], ["true", "Close"]]));
  }
  const labels = [...found.groups.keys()].map(tick);
  const search = labels.length > 24 ? [filter(labels)] : [];
  const legend = made("legend", {}, "Classes");
  parts.push(made("fieldset", {class: "ticks"}, legend, ...search, made("div", {}, ...labels)));
  place("controls").replaceChildren(...parts);
  if (focused) place("controls").querySelector(`[name="${focused[0]}"][value="${focused[1]}"]`)?.focus();
}
