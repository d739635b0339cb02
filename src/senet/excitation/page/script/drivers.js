// What is said of the chosen value: each class's numbers, and the images that drive it most and least.

const called = (gate, channel) => isMap(gate)
  ? `Row ${Math.floor(channel / gate.shape[1])}, column ${channel % gate.shape[1]}`
  : `Channel ${channel}${isBranches(gate) ? ofBranch() : ""}`;
const ofBranch = () => isDifference() ? ", last branch less first" : ` of branch ${state.branch + 1}`;

const spoken = (gate, channel) => `${called(gate, channel)}: ` +
  shownGroups().map(group => `${found.groups[group].title} ${number(mean(gate, group, channel))}`).join(", ");

function read(gate, channel) {
  place("reading").replaceChildren(made("b", {}, called(gate, channel)), ` of ${gate.name}`);
  const quantiles = gate.profiles.some(profile => profile.quantiles.length) ? ["5%", "25%", "50%", "75%", "95%"] : [];
  const head = ["Class", "Images", "Mean", "Deviation", ...quantiles].map(text => made("th", {scope: "col"}, text));
  const lines = shownGroups().map(group => {
    const values = [mean(gate, group, channel), deviation(gate, group, channel),
      ...quantiles.map((_, which) => quantile(gate, group, which, channel))];
    return made("tr", {}, made("th", {scope: "row"}, swatch(group), " ", found.groups[group].title),
      made("td", {}, gate.profiles[group].images.toLocaleString("en")),
      ...values.map(value => made("td", {}, number(value))));
  });
  place("readout").replaceChildren(made("thead", {}, made("tr", {}, ...head)), made("tbody", {}, ...lines));
}

function thumb(number_, without = "no picture") {
  const uri = found.pictures[number_];
  return made("span", {class: "thumb"}, uri ? made("img", {src: uri, alt: ""}) : without);
}

function driver(number_) {
  const [name, title] = found.images[number_];
  return made("li", {}, thumb(number_), made("b", {}, title), made("span", {}, ...broken(name)));
}

function drivers(gate) {
  const where = index(gate, state.value);
  const parts_ = [["most", "highest"], ["least", "lowest"]].flatMap(([key, word]) => {
    const images = gate[key][where] ?? [];
    return images.length ? [made("div", {}, made("h3", {}, `Images in which it is ${word}`),
      made("ul", {class: "thumbs"}, ...images.map(driver)))] : [];
  });
  if (parts_.length && isDifference()) parts_.unshift(made("p", {class: "note"}, "Of the last branch's weight:"));
  place("drivers").replaceChildren(...parts_);
}
