// The script of all pages: tables that sort, texts that copy, figures. It listens to the reader and asks nobody.

const number = text => text.trim() === "" ? NaN : Number(text.replaceAll(",", ""));
const shown = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();

// Numbers by size where a column holds nothing else; what has no value comes last in either direction.
function sorted(rows, column, sign) {
  const values = new Map(rows.map(row => [row, shown(row, column)]));
  const numeric = [...values.values()].every(value => value === "" || !Number.isNaN(number(value)));
  const order = numeric ? (a, b) => number(a) - number(b) : (a, b) => a.localeCompare(b, "en", {numeric: true});
  return rows.sort((one, other) => {
    const [a, b] = [values.get(one), values.get(other)];
    return a === "" || b === "" ? (a === "") - (b === "") : sign * order(a, b);
  });
}

function sort(table, column, direction) {
  const body = table.tBodies[0];
  const rows = [...body.rows].sort((a, b) => a.dataset.place - b.dataset.place);
  body.append(...(direction === "none" ? rows : sorted(rows, column, direction === "ascending" ? 1 : -1)));
}

const NEXT = {none: "ascending", ascending: "descending", descending: "none"};
for (const table of document.querySelectorAll("table[data-sortable]")) {
  [...table.tBodies[0].rows].forEach((row, place) => { row.dataset.place = place; });
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const direction = NEXT[head.getAttribute("aria-sort")];
      for (const each of heads) each.setAttribute("aria-sort", each === head ? direction : "none");
      sort(table, column, direction);
    });
  });
  table.classList.add("sorts");
}

// A table that is wider than the page says so in words too: not every reader sees a shadow or has a scroll bar.
function tell(box) {
  const wide = box.scrollWidth > box.clientWidth + 1;
  let said = box.nextElementSibling?.matches(".sideways") ? box.nextElementSibling : null;
  if (wide && !said) {
    said = document.createElement("p");
    said.className = "sideways";
    said.textContent = "The table goes on: scroll it sideways.";
    box.after(said);
  }
  if (said) said.hidden = !wide;
}

const sizes = new ResizeObserver(entries => entries.forEach(entry => tell(entry.target)));
for (const box of document.querySelectorAll(".scroll")) sizes.observe(box);

// A page opened from a disk may have no clipboard: then the text is opened and selected for the reader's own keys.
function select(text) {
  const folded = text.closest("details");
  if (folded) folded.open = true;
  getSelection().selectAllChildren(text);
  text.focus();
}

for (const button of document.querySelectorAll("button[data-copies]")) {
  const text = document.getElementById(button.dataset.copies);
  const said = button.parentElement.querySelector("[role=status]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      said.textContent = "Copied.";
    } catch {
      select(text);
      said.textContent = document.execCommand("copy") ? "Copied." : "Selected: copy it with your keyboard.";
    }
  });
}

const embed = {ast: true, renderer: "svg", actions: {export: {svg: true, png: false}, source: false,
  compiled: false, editor: false}};
for (const block of document.querySelectorAll("script[data-figure]")) {
  const place = document.getElementById(block.dataset.figure);
  vegaEmbed(place, JSON.parse(block.textContent), {...embed, downloadFileName: block.dataset.figure})
    .then(() => place.querySelector("summary").setAttribute("aria-label", "Save this figure"))
    .catch(error => { place.textContent = "This figure could not be drawn."; console.error(error); });
}
