// A gate's values by channel: means of classes (figure 6 of the paper), or one class's spread (figure 7).

const EDGE = {left: 48, right: 10, top: 10, bottom: 40, head: 22};

// Steps of 1, 2 or 5 times a power of ten, about as many as asked for.
function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step_ = [1, 2, 5, 10].find(factor => factor * power >= rough * 0.999) * power;
  const first = Math.ceil(low / step_ - 1e-9);
  const count_ = Math.floor(high / step_ + 1e-9) - first + 1;
  return Array.from({length: count_}, (_, n) => Number(((first + n) * step_).toPrecision(12)));
}

// A line through what is known; it breaks where nothing is.
function path(values, x, y) {
  let pen = "M";
  return values.map((value, n) => {
    if (!known(value)) { pen = "M"; return ""; }
    const point = `${pen}${x(n).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
    return point;
  }).join("");
}

// An area between two rows of values, in one piece for each run of channels that have both.
function area(lows, highs, x, y) {
  const pieces = [];
  let run = [];
  const end = () => {
    const along = (values, places) => places.map(n => `${x(n).toFixed(1)} ${y(values[n]).toFixed(1)}`).join("L");
    if (run.length) pieces.push(`M${along(highs, run)}L${along(lows, [...run].reverse())}Z`);
    run = [];
  };
  lows.forEach((low, n) => known(low) && known(highs[n]) ? run.push(n) : end());
  end();
  return pieces.join("");
}

const band = (lows, highs, group, x, y, opacity) =>
  drawn("path", {d: area(lows, highs, x, y), fill: colour(group), opacity});

// So many channels that lines between them would hide one another: a point for each, all in one path.
const CROWD = 200;
function cloud(values, group, x, y) {
  const points = values.map((value, n) => known(value) ? `M${x(n).toFixed(1)} ${y(value).toFixed(1)}h.01` : "");
  return drawn("path", {class: "cloud", d: points.join(""), stroke: colour(group)});
}

function curve(values, group, x, y) {
  if (values.length > CROWD && (group || state.order === "number")) return [cloud(values, group, x, y)];
  const line = drawn("path", {class: group ? "curve" : "curve whole", d: path(values, x, y), stroke: colour(group),
    "stroke-dasharray": dashes(group)});
  if (values.length > CROWD / 2) return [line];
  const style = {r: group ? 2.2 : 2.6, fill: colour(group)};
  const dots = values.flatMap((value, n) =>
    known(value) ? [drawn("circle", {cx: x(n).toFixed(1), cy: y(value).toFixed(1), ...style})] : []);
  return [line, ...dots];
}

// The rows of values that a view draws of one class, lowest first, and what lies around its mean or median.
function rows(gate, group, channels) {
  const means = channels.map(channel => mean(gate, group, channel));
  if (state.view === "mean") return {middle: means, bands: []};
  if (state.view === "deviation") {
    const spread = channels.map(channel => deviation(gate, group, channel));
    const moved = sign => means.map((value, n) => known(spread[n]) ? minus(value, -sign * spread[n]) : null);
    return {middle: means, bands: [[moved(-1), moved(1), 0.22]]};
  }
  const [a, b, c, d, e] = [0, 1, 2, 3, 4].map(q => channels.map(channel => quantile(gate, group, q, channel)));
  return {middle: c, bands: [[a, e, 0.16], [b, d, 0.26]]};
}

function panels(gate, channels) {
  const each = shownGroups().map(group => ({group, ...rows(gate, group, channels)}));
  if (state.view === "mean") return [{title: "", height: 290, curves: each}];
  return each.map(one => ({title: found.groups[one.group].title, height: 150, curves: [one]}));
}

function grid(box, [low, high], y, total) {
  return ticks(low, high, box.height > 200 ? 5 : 3).flatMap(value => [
    drawn("line", {class: "axis", x1: EDGE.left, x2: total - EDGE.right, y1: y(value), y2: y(value)}),
    drawn("text", {x: EDGE.left - 8, y: y(value) + 4, "text-anchor": "end"}, String(value))]);
}

function axis(gate, channels, x, bottom, total) {
  const every = Math.max(1, Math.ceil(channels.length / Math.max(2, Math.floor((total - 60) / 52))));
  const labels = channels.flatMap((channel, n) => n % every ? [] :
    [drawn("text", {x: x(n), y: bottom + 18, "text-anchor": "middle"}, String(channel))]);
  const all = width(gate);
  const some = channels.length < all ? `${channels.length} of ${all} channels, uniformly sampled` : "Channel";
  const order = state.order === "mean" ? `${some}, by mean over all images, highest first` : some;
  const middle = EDGE.left + (total - EDGE.left - EDGE.right) / 2;
  return [...labels, drawn("text", {x: middle, y: bottom + 36, "text-anchor": "middle"}, order)];
}

function profile(gate) {
  const channels = sampled(gate), total = Math.max(260, place("drawing").clientWidth);
  const x = n => EDGE.left + (total - EDGE.left - EDGE.right) * (channels.length > 1 ? n / (channels.length - 1) : 0.5);
  const boxes = panels(gate, channels);
  const range = ends(gate, boxes.flatMap(box => box.curves.flatMap(({middle, bands}) =>
    [middle, ...bands.flatMap(([low, high]) => [low, high])].flat())));
  const svg = drawn("svg", {"aria-hidden": "true"});
  let top = EDGE.top;
  for (const box of boxes) {
    if (box.title) svg.append(drawn("text", {class: "head", x: EDGE.left, y: top + 6}, box.title));
    top += box.title ? EDGE.head : 0;
    const base = top + box.height;
    const within = value => Math.max(range[0], Math.min(range[1], value));
    const y = value => base - box.height * (within(value) - range[0]) / (range[1] - range[0]);
    svg.append(...grid(box, range, y, total));
    for (const {group, middle, bands} of channels.length > CROWD ? [...box.curves].reverse() : box.curves)
      svg.append(...bands.map(([low, high, opacity]) => band(low, high, group, x, y, opacity)),
        ...curve(middle, group, x, y));
    top = base + (box === boxes.at(-1) ? 0 : 22);
  }
  svg.append(...axis(gate, channels, x, top, total));
  svg.setAttribute("viewBox", `0 0 ${total} ${top + EDGE.bottom}`);
  return slider(gate, channels, svg, x, top, total);
}

const MOVES = {ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10,
  Home: -Infinity, End: Infinity};

// One channel of the drawing is chosen, by pointer or keys; the one under the pointer is read meanwhile.
function slider(gate, channels, svg, x, bottom, total) {
  const line = name => svg.appendChild(drawn("line", {class: name, y1: EDGE.top, y2: bottom}));
  const [hover, cross] = [line("hover"), line("cross")];
  const wrapper = made("div", {class: "profile", tabindex: 0, role: "slider", "aria-label": "Channel",
    "aria-valuemin": 0, "aria-valuemax": channels.length - 1}, svg);
  const put = (mark, n) => { mark.setAttribute("x1", x(n)); mark.setAttribute("x2", x(n)); };
  const mark = () => {
    const n = Math.max(0, channels.indexOf(state.value));
    put(cross, n);
    hover.setAttribute("visibility", "hidden");
    wrapper.setAttribute("aria-valuenow", n);
    wrapper.setAttribute("aria-valuetext", spoken(gate, channels[n]));
  };
  const take = n => { state.value = channels[n]; mark(); chosen(); };
  const under = event => {
    const box = svg.getBoundingClientRect();
    const across = (event.clientX - box.left) * total / box.width;
    const n = Math.round((across - EDGE.left) / (total - EDGE.left - EDGE.right) * (channels.length - 1));
    return Math.max(0, Math.min(channels.length - 1, n || 0));
  };
  wrapper.addEventListener("pointermove", event => {
    put(hover, under(event));
    hover.setAttribute("visibility", "visible");
    read(gate, channels[under(event)]);
  });
  wrapper.addEventListener("pointerleave", () => { mark(); read(gate, state.value); });
  wrapper.addEventListener("click", event => take(under(event)));
  wrapper.addEventListener("keydown", event => {
    if (!(event.key in MOVES)) return;
    event.preventDefault();
    take(Math.max(0, Math.min(channels.length - 1, channels.indexOf(state.value) + MOVES[event.key])));
  });
  if (!channels.includes(state.value)) state.value = channels[0];
  mark();
  return wrapper;
}
