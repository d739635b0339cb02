// One image at a time: its picture, the class activation map, and each gate's weights over positions.

let pictured = 0;

function square(rows_, caption) {
  const values = rows_.flat();
  const map = heat(values, [rows_.length, rows_[0].length], span(values));
  return made("figure", {class: "heat"}, made("div", {class: "square"}, map), made("figcaption", {}, ...caption));
}

function lowToHigh(rows_) {
  const [low, high] = span(rows_.flat());
  return low <= high ? `${number(low)} to ${number(high)}` : "n/a";
}

function showMaps() {
  const {image, guess, activation, maps} = found.maps[pictured];
  const [name, title] = found.images[image];
  const caption = (head, ...rest) => [made("b", {}, head), made("br"), ...rest];
  const figures = [made("figure", {class: "heat"}, thumb(image),
    made("figcaption", {}, ...caption(title, ...broken(name))))];
  if (activation.length) figures.push(square(activation, caption("Class activation", `guess: ${guess}`)));
  for (const [gate, rows_] of Object.entries(maps))
    if (rows_.length) figures.push(square(rows_, caption(found.short[gate], lowToHigh(rows_))));
  place("maps").replaceChildren(made("div", {class: "heats still"}, ...figures));
  for (const [n, button] of [...place("map-choice").children].entries()) {
    button.setAttribute("aria-checked", n === pictured);
    button.tabIndex = n === pictured ? 0 : -1;
  }
}

function pick(n, focus) {
  pictured = (n + found.maps.length) % found.maps.length;
  showMaps();
  if (focus) place("map-choice").children[pictured].focus();
}

function buildMaps() {
  if (!found.maps.length) return;
  place("map-choice").append(...found.maps.map(({image}, n) => {
    const [name, title] = found.images[image];
    const picture = thumb(image, name.split("/").at(-1));
    const button = made("button", {type: "button", role: "radio", "aria-label": `${name}, ${title}`}, picture);
    button.addEventListener("click", () => pick(n));
    return button;
  }));
  place("map-choice").addEventListener("keydown", event => {
    const move = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    if (!move) return;
    event.preventDefault();
    pick(pictured + move, true);
  });
  showMaps();
}
