"use strict";
for (const table of document.querySelectorAll("table.measures")) {
  const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
  const controls = document.getElementById(table.dataset.controls), count = controls.querySelector("output");
  controls.hidden = false;
  const value = (row, column) => {
    const cell = row.cells[column], sort = cell.dataset.sort;
    return sort === undefined ? cell.textContent.trim().toLowerCase() : Number(sort);
  };
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") !== "descending" && head.dataset.first === "descending"
      || head.getAttribute("aria-sort") === "ascending";
    heads.forEach(each => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const sign = down ? -1 : 1;
    const order = new Map(rows.map((row, place) => [row, place]));
    const sorted = [...rows].sort((one, other) => {
      const a = value(one, column), b = value(other, column);
      return (a < b ? -sign : a > b ? sign : 0) || order.get(one) - order.get(other);
    });
    body.append(...sorted);
  }));
  const filter = () => {
    const wanted = Object.fromEntries([...controls.querySelectorAll("input, select")].map(each => [each.name, each.value]));
    const text = wanted.text.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const found = (!text || row.cells[1].textContent.toLowerCase().includes(text) || row.dataset.source.toLowerCase().includes(text))
        && ["family", "cost", "gate"].every(name => !wanted[name] || row.dataset[name] === wanted[name]);
      row.hidden = !found;
      shown += found;
    }
    count.textContent = `${shown} of ${rows.length} shown`;
  };
  controls.addEventListener("input", filter);
  filter();
  // One tab stop for all cells; the arrows go from one to the next.
  const grid = () => rows.filter(row => !row.hidden).sort((a, b) => a.rowIndex - b.rowIndex)
    .map(row => [...row.querySelectorAll(".cell")]);
  for (const cell of body.querySelectorAll(".cell")) cell.tabIndex = -1;
  const first = body.querySelector(".cell");
  if (first) first.tabIndex = 0;
  body.addEventListener("keydown", event => {
    const step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[event.key];
    if (!step || !event.target.classList.contains("cell")) return;
    const cells = grid(), y = cells.findIndex(row => row.includes(event.target)), x = cells[y].indexOf(event.target);
    const next = cells[y + step[0]]?.[x + step[1]];
    if (!next) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}
// A link to a measure opens its figures.
const open = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let each = target; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", open);
open();
