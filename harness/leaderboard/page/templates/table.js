// The table: sorted by its heads, the best first; narrowed by the controls; its groups of columns open on a click.
document.documentElement.classList.add("js");
for (const each of document.querySelectorAll("[data-script]")) each.hidden = false;
const table = document.querySelector("table.measures");
const rows = table ? [...table.tBodies[0].rows] : [];
const controls = document.getElementById("controls");
const tip = document.getElementById("tip");

function sortBy(head) {
  const heads = [...table.querySelectorAll(".heads th")], column = heads.indexOf(head);
  const again = head.dataset.sorted === "best", text = head.classList.contains("left");
  for (const each of heads) { each.removeAttribute("aria-sort"); delete each.dataset.sorted; }
  head.dataset.sorted = again ? "worst" : "best";
  const upwards = text || "fewer" in head.dataset;
  head.setAttribute("aria-sort", upwards === !again ? "ascending" : "descending");
  const value = row => {
    const cell = row.cells[column];
    if (text) return column === 0 ? row.dataset.measure.toLowerCase() : cell.textContent;
    const sort = "s" in cell.dataset ? cell.dataset.s : cell.textContent.trim();
    return sort === "" || Number.isNaN(Number(sort)) ? null : Number(sort);
  };
  const order = new Map(rows.map((row, place) => [row, [value(row), place]]));
  const sign = (text ? 1 : -1) * (again ? -1 : 1);
  const sorted = [...rows].sort((one, other) => {
    const [a, at] = order.get(one), [b, to] = order.get(other);
    if (a === null || b === null) return (a === null) - (b === null) || at - to;
    return (a < b ? -sign : a > b ? sign : 0) || at - to;
  });
  table.tBodies[0].append(...sorted);
}

function narrow() {
  const wanted = Object.fromEntries([...controls.querySelectorAll("input, select")].map(each => [each.name, each.value]));
  const text = wanted.text.trim().toLowerCase().replaceAll(" ", "_"), plain = wanted.text.trim().toLowerCase();
  const shown = new Set();
  for (const row of rows) {
    const {measure, source, family} = row.dataset;
    const found = (!plain || measure.toLowerCase().includes(text) || source.toLowerCase().includes(plain) || family.toLowerCase().includes(text))
      && ["reads", "gate", "family", "tier"].every(name => !wanted[name] || row.dataset[name] === wanted[name]);
    row.hidden = !found;
    if (found) shown.add(`#measure=${encodeURIComponent(measure)}`);
  }
  for (const each of document.querySelectorAll("svg.counts a, svg.cost a")) each.classList.toggle("dim", !shown.has(each.getAttribute("href")));
  nameFew(shown);
  controls.querySelector("output").textContent = `${shown.size} of ${rows.length} shown`;
}

// Where few are left, their marks over the cost have their names beside them.
function nameFew(shown) {
  for (const svg of document.querySelectorAll("svg.cost")) {
    for (const each of svg.querySelectorAll(".few")) each.remove();
    if (shown.size > 12) continue;
    for (const each of svg.querySelectorAll("a:not(.dim)")) {
      const box = each.firstElementChild.getBBox(), side = box.x > svg.viewBox.baseVal.width - 200 ? "end" : "start";
      svg.append(mark("text", {class: `few on ${side}`, x: side === "end" ? box.x - 4 : box.x + box.width + 4, y: box.y + 7}, each.getAttribute("href").slice(9)));
    }
  }
}

function fold(group, open) {
  const {group: name, zoo} = group.dataset;
  table.classList.toggle(`shut-${name}`, !open);
  group.colSpan = open ? group.dataset.open : group.dataset.shut;
  group.querySelector("button").setAttribute("aria-expanded", open);
  const all = [...table.querySelectorAll(`.groups th[data-zoo="${zoo}"]`)].reduce((sum, each) => sum + each.colSpan, 0);
  table.querySelector(`.zoos th[data-zoo="${zoo}"]`).colSpan = all;
}

function startFolds() {
  const rules = [], heads = [...table.querySelectorAll(".heads th")];
  let place = 1;
  for (const group of table.querySelectorAll(".groups th")) {
    const inside = heads.slice(place, place + Number(group.dataset.open));
    place += Number(group.dataset.open);
    for (const head of inside.filter(each => each.classList.contains("f"))) {
      const column = heads.indexOf(head) + 1;
      rules.push(`.measures :is(.heads, tbody tr) > :nth-child(${column}) { background: var(--shade); }`);
      rules.push(`table.shut-${group.dataset.group} :is(.heads, tbody tr) > :nth-child(${column}) { display: none; }`);
    }
    const button = group.querySelector("button");
    if (!button) continue;
    button.addEventListener("click", () => fold(group, button.getAttribute("aria-expanded") !== "true"));
    fold(group, false);
  }
  document.head.append(element("style", {}, rules.join("\n")));
}

const columnOf = cell => table.querySelectorAll(".heads th")[cell.cellIndex].dataset.c;

// The words behind a number: those of the measure's own view.
function tell(cell) {
  const row = cell.closest("tr"), article = articleOf(row.dataset.measure);
  const line = article?.querySelector(`tr[data-c="${columnOf(cell)}"]`);
  if (!line) return hush();
  const [title, , said] = line.cells;
  tip.textContent = `${row.dataset.measure}, ${title.textContent}. ${cell.classList.contains("p") ? "Passes. " : cell.classList.contains("s") ? "Falls short. " : ""}${said.textContent}`;
  tip.hidden = false;
  const box = cell.getBoundingClientRect(), own = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - own.width - 12)) + scrollX}px`;
  tip.style.top = `${(box.bottom + own.height + 10 > innerHeight ? box.top - own.height - 6 : box.bottom + 6) + scrollY}px`;
  cell.setAttribute("aria-describedby", "tip");
}

function hush() {
  tip.hidden = true;
  table?.querySelector("[aria-describedby]")?.removeAttribute("aria-describedby");
}

// One tab stop for all numbers; the arrows go from one to the next.
function startCells() {
  const body = table.tBodies[0];
  const cells = row => [...row.cells].filter(each => each.tagName === "TD" && each.offsetParent !== null);
  const first = body.querySelector("td");
  if (first) first.tabIndex = 0;
  body.addEventListener("keydown", event => {
    if (event.key === "Escape") return hush();
    const step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[event.key];
    if (!step || event.target.tagName !== "TD") return;
    const shown = [...body.rows].filter(row => !row.hidden), row = event.target.parentElement;
    const next = cells(shown[shown.indexOf(row) + step[0]] ?? row)[cells(row).indexOf(event.target) + step[1]];
    if (!next || next === event.target) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
  const cellOf = event => event.target.closest?.("td");
  body.addEventListener("focusin", event => cellOf(event) && tell(cellOf(event)));
  body.addEventListener("focusout", hush);
  body.addEventListener("mouseover", event => cellOf(event) ? tell(cellOf(event)) : hush());
  body.addEventListener("mouseleave", hush);
}

function startMap() {
  for (const box of document.querySelectorAll("[data-map]")) {
    const names = box.dataset.map.split(" "), svg = box.querySelector("svg"), said = box.closest("figure").querySelector(".pointed");
    const at = event => names[Math.floor((event.clientX - svg.getBoundingClientRect().left - MAP_NAMES) / MAP_COLUMN)];
    svg.addEventListener("mousemove", event => { said.textContent = at(event) ? ` Here: ${at(event)}.` : ""; });
    svg.addEventListener("click", event => { if (at(event)) location.hash = `measure=${encodeURIComponent(at(event))}`; });
  }
}
const MAP_NAMES = 116, MAP_COLUMN = 5;

if (table) {
  controls.hidden = false;
  for (const head of table.querySelectorAll(".heads th")) head.querySelector("button").addEventListener("click", () => sortBy(head));
  controls.addEventListener("input", narrow);
  startFolds();
  startCells();
  startMap();
  narrow();
}
