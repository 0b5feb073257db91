// Two measures side by side: what was found of each, their verdicts by unit, their profiles and their time.
function showComparison(names) {
  const [one, other] = names.map(name => byName.get(name));
  if (!one || !other) return false;
  document.body.dataset.view = "comparison";
  const box = document.getElementById("compare"), body = box.querySelector(".body");
  box.hidden = false;
  body.replaceChildren(choosers(one, other));
  const zoos = Object.keys(one.zoos).filter(zoo => other.zoos[zoo]);
  if (!zoos.length) body.append(element("p", {}, "No zoo has records of both."));
  for (const zoo of zoos) body.append(...compared(one, other, zoo, body));
  document.title = `${one.measure} and ${other.measure}: shatterproof`;
  box.querySelector("h2").focus({preventScroll: true});
  scrollTo(0, 0);
  return true;
}

function choosers(one, other) {
  const go = (first, second) => { location.hash = `compare=${encodeURIComponent(first)},${encodeURIComponent(second)}`; };
  return element("p", {class: "choosers"},
    chooser("One", one.measure, name => go(name, other.measure)), chooser("and", other.measure, name => go(one.measure, name)));
}

function compared(one, other, zoo, body) {
  const found = [element("h3", {}, `On ${zoo}`)], both = [one, other], said = both.map(each => each.zoos[zoo]);
  if (!said.every(each => each.worst)) return [...found, element("p", {}, "Records of an older protocol are compared with nothing.")];
  found.push(rowsOf(both, zoo), differing(both, zoo));
  found.push(element("div", {class: "side"}, ...both.map(each => element("div", {}, element("h4", {}, link(each.measure)), strip(each, zoo)))));
  const width = Math.min(560, body.clientWidth || 560);
  if (said.every(each => each.profile))
    found.push(element("div", {class: "side"}, ...both.map(each => element("figure", {}, element("h4", {}, `${each.measure}: interventions`), profile(each, zoo, width)))));
  if (said.some(each => each.seconds)) found.push(figure("Time on one model", "Filled: the first; hollow: the second.", costLine(both, zoo, width)));
  return found;
}

function link(name) {
  return element("a", {href: `#measure=${encodeURIComponent(name)}`}, name);
}

// The lines of both own views, where one of them has any.
function rowsOf(both, zoo) {
  const prefix = [...document.querySelectorAll(".zoos th[data-zoo]")].find(each => each.textContent.startsWith(`${zoo},`))?.dataset.zoo;
  const lines = both.map(each => new Map([...articleOf(each.measure).querySelectorAll(`tr[data-c^="${prefix}-"]`)].map(row => [row.dataset.c, row])));
  const body = element("tbody");
  for (const key of new Set(lines.flatMap(each => [...each.keys()]))) {
    const rows = lines.map(each => each.get(key)), title = (rows[0] ?? rows[1]).cells[0].textContent;
    const cells = rows.flatMap(row => row
      ? [element("td", {class: row.cells[1].className}, row.cells[1].textContent), element("td", {class: "said"}, row.cells[2].textContent)]
      : [element("td", {}, "–"), element("td", {class: "said"}, "not asked")]);
    body.append(element("tr", {}, element("th", {scope: "row"}, title), ...cells));
  }
  const heads = both.map(each => element("th", {scope: "col", colspan: 2}, link(each.measure)));
  return element("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": "What was found of both"},
    element("table", {class: "lines"}, element("thead", {}, element("tr", {}, element("td"), ...heads)), body));
}

// The units on which they differ, in words.
function differing(both, zoo) {
  const {units} = data.zoos[zoo], list = element("ul");
  for (const condition of CONDITIONS) {
    const strips = both.map(each => each.zoos[zoo].conditions[condition]?.by_unit);
    if (!strips[0] || !strips[1]) continue;
    const alone = [0, 1].map(side => units.filter((unit, place) => strips[side][place]?.[0] === "w" && strips[1 - side][place]?.[0] !== "w").map(([set, network]) => `${network} on ${set}`));
    const words = both.map((each, side) => alone[side].length ? `${each.measure} alone wins ${alone[side].join(", ")}` : "").filter(Boolean);
    list.append(element("li", {}, `${WORDS(condition)}: ${words.join("; ") || "both win the same units"}.`));
  }
  return list;
}
