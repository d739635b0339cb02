// Maps of weights as squares of colour: from the surface's to the accent's, or to either of two for differences.

const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const rgb = hex => [1, 3, 5].map(from => parseInt(hex.slice(from, from + 2), 16));
const mix = (from, to, part_) => from.map((channel, n) => Math.round(channel + (to[n] - channel) * part_));

function palette(diverging) {
  const [surface, high, low] = ["--surface", "--variant-1", "--variant-2"].map(name => rgb(css(name)));
  return part_ => diverging ? (part_ < 0.5 ? mix(surface, low, 1 - 2 * part_) : mix(surface, high, 2 * part_ - 1))
    : mix(surface, high, part_);
}


// A canvas of one pixel for each value, enlarged by the browser; what is not known stays empty.
function heat(values, [high, wide], [least, most], diverging = false) {
  const canvas = made("canvas", {width: wide, height: high, style: `aspect-ratio: ${wide} / ${high}`});
  const context = canvas.getContext("2d");
  const image = context.createImageData(wide, high);
  const tint = palette(diverging);
  values.forEach((value, n) => {
    if (!known(value)) return;
    image.data.set([...tint(most > least ? (value - least) / (most - least) : 0.5), 255], 4 * n);
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

function legendOf([least, most], diverging) {
  const from = diverging ? "var(--variant-2), var(--surface), var(--variant-1)" : "var(--surface), var(--variant-1)";
  const ramp = made("span", {class: "ramp", style: `background: linear-gradient(90deg, ${from})`});
  return made("p", {class: "scale"}, number(least), ramp, number(most));
}
