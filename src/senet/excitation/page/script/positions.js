// A gate over positions: one map for each class, and a position chosen on any of them.

function mapOf(gate, group) {
  const {mean: means, deviation: spread} = gate.profiles[group];
  if (state.view === "deviation") return spread;
  return state.view === "minus" ? means.map((value, n) => minus(value, gate.profiles[0].mean[n])) : means;
}

function positions(gate) {
  const [high, wide] = gate.shape, diverging = state.view === "minus";
  // All images less all images are nothing but zero.
  const groups = shownGroups().filter(group => !diverging || group);
  const maps = groups.map(group => ({group, values: mapOf(gate, group)}));
  const [least, most] = span(maps.flatMap(one => one.values));
  const far = Math.max(Math.abs(least), Math.abs(most)) || 1;
  const range = diverging ? [-far, far] : [least, most];
  const squares = maps.map(({group, values}) => {
    const square = made("div", {class: "square"}, heat(values, gate.shape, range, diverging), made("i"));
    return made("figure", {class: "heat"}, square, made("figcaption", {}, swatch(group), found.groups[group].title));
  });
  const role = {role: "application", "aria-roledescription": "map of positions"};
  const box = made("div", {class: "heats", tabindex: 0, ...role}, ...squares);
  const mark = () => {
    const [row, column] = [Math.floor(state.value / wide), state.value % wide];
    for (const cell of box.querySelectorAll(".square i")) Object.assign(cell.style, {left: `${100 * column / wide}%`,
      top: `${100 * row / high}%`, width: `${100 / wide}%`, height: `${100 / high}%`});
    box.setAttribute("aria-label", spoken(gate, state.value));
  };
  const take = (row, column) => {
    state.value = Math.max(0, Math.min(high - 1, row)) * wide + Math.max(0, Math.min(wide - 1, column));
    mark();
    chosen();
  };
  const under = event => {
    const square = event.target.closest(".square")?.getBoundingClientRect();
    return square && [(event.clientY - square.top) / square.height * high,
      (event.clientX - square.left) / square.width * wide].map(Math.floor);
  };
  box.addEventListener("click", event => { const at_ = under(event); if (at_) take(...at_); });
  box.addEventListener("keydown", event => {
    const moves = {ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0]};
    if (!(event.key in moves)) return;
    event.preventDefault();
    const [down, right] = moves[event.key];
    take(Math.floor(state.value / wide) + down, state.value % wide + right);
  });
  mark();
  return made("div", {}, box, maps.some(one => one.values.some(known)) ? legendOf(range, diverging) : "");
}
