"use strict";
// Figures from the page's data. Text is set as text, never as HTML: it is a stranger's.
const data = JSON.parse(document.getElementById("data").textContent);
const byName = new Map(data.measures.map(each => [each.measure, each]));
unpackAll();
const WORDS = name => name.replaceAll("_", " ");
const CONDITIONS = data.conditions;
const SHORT = ["natural", "labels", "pixels", "noise"];

// What is written short in the page, as it is used: conditions by name, units decided, values by unit, seed and condition.
function unpackAll() {
  for (const {zoos} of data.measures) for (const [name, said] of Object.entries(zoos)) {
    for (const [condition, [verdict, won, p_value, auc, kendall_tau, strip]] of Object.entries(said.conditions))
      said.conditions[condition] = {verdict, won, p_value, auc, kendall_tau, by_unit: strip ? strip.split(" ") : null};
    if (!said.values) continue;
    const numbers = unpacked(said.values), {length} = data.conditions;
    let at = 0;
    said.values = data.zoos[name].units.map(([, , seeds]) => Array.from({length: seeds}, () => numbers.slice(at, at += length + 1)));
  }
}

// Three bytes a number, as packed.py writes them.
function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0)), found = [];
  for (let place = 0; place < bytes.length; place += 3) {
    const word = bytes[place] << 16 | bytes[place + 1] << 8 | bytes[place + 2], exponent = (word >> 13 & 1023) - 512, rest = word & 8191;
    const value = exponent === -511 && !rest ? 0 : (word >> 23 ? -1 : 1) * (8192 + rest) * 2 ** (exponent - 14);
    found.push(word ? Number(value.toPrecision(4)) : null);
  }
  return found;
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function mark(name, attributes = {}, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function picture(width, height, label) {
  return mark("svg", {viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label});
}

function short(number) {
  const size = Math.abs(number);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return number.toExponential(1).replace("e+", "e");
  return String(Number(number.toPrecision(3)));
}

// The units of a zoo by their data set: [[data set, [[network, place], ...]], ...].
function unitsByDataSet(zoo) {
  const found = new Map();
  data.zoos[zoo].units.forEach(([set, network], place) => found.set(set, [...(found.get(set) ?? []), [network, place]]));
  return [...found];
}

const MARKS = {"-": ["·", "neither", "not there"], w: ["■", "won", "won"], n: ["□", "neither", "neither won nor lost"], l: ["✕", "lost", "lost"], "?": ["·", "neither", "not decided"]};

// Verdicts by unit: a strip of marks a condition, a table a data set.
function strip(measure, zoo) {
  const said = measure.zoos[zoo], box = element("div", {class: "strips"});
  for (const [set, units] of unitsByDataSet(zoo)) {
    const body = element("tbody");
    for (const condition of CONDITIONS.filter(each => said.conditions[each]?.by_unit)) {
      const row = element("tr", {}, element("th", {scope: "row"}, condition === "gaussian" ? "Gaussian noise" : WORDS(condition)));
      for (const [network, place] of units) {
        const decided = said.conditions[condition].by_unit[place];
        const [sign, kind, words] = MARKS[decided[0]];
        const cell = element("td", {class: kind, title: `${network} on ${set}: ${words}, ${decided.slice(1)} of ${data.zoos[zoo].units[place][2]} seeds`}, sign);
        cell.append(element("span", {class: "hidden"}, ` ${words}`));
        row.append(cell);
      }
      body.append(row);
    }
    if (!body.rows.length) continue;
    const names = units.map(([network]) => element("th", {scope: "col"}, element("span", {}, network)));
    box.append(element("table", {class: "strip"}, element("caption", {}, set), element("thead", {}, element("tr", {}, element("td"), ...names)), body));
  }
  return box;
}

// One unit's values: natural at 0, randomized from 1 on; twins joined.
function unitValues(name, seeds) {
  const [width, height, left, top, bottom] = [176, 118, 42, 20, 92];
  const svg = picture(width, height, `Values on ${name}`);
  svg.append(mark("text", {x: width / 2, y: 11, class: "t"}, name));
  const known = seeds.flat().filter(value => value !== null);
  if (!known.length) {
    svg.append(mark("text", {x: width / 2, y: 60, class: "t"}, "no value"));
    return svg;
  }
  const low = Math.min(...known), high = Math.max(...known), span = high - low || 1;
  const x = place => left + 14 + place * 35, y = value => high === low ? (top + bottom) / 2 : bottom - (value - low) / span * (bottom - top);
  for (const value of high === low ? [low] : [low, high]) {
    svg.append(mark("path", {class: "grid", d: `M${left} ${y(value)}H${width - 4}`}));
    svg.append(mark("text", {x: left - 4, y: y(value) + 3, class: "t end"}, short(value)));
  }
  SHORT.forEach((word, place) => svg.append(mark("text", {x: x(place), y: 106, class: "t tiny"}, word)));
  for (const seed of seeds) for (let place = 1; place < seed.length; place++) {
    if (seed[0] !== null && seed[place] !== null)
      svg.append(mark("path", {class: "joined", d: `M${x(0)} ${y(seed[0])}L${x(place)} ${y(seed[place])}`}));
  }
  for (const seed of seeds) seed.forEach((value, place) => {
    if (value === null) return;
    const dot = mark("circle", {cx: x(place), cy: y(value), style: "r: 3px", class: place ? "randomized" : "natural"});
    dot.append(mark("title", {}, `${SHORT[place]}: ${value}`));
    svg.append(dot);
  });
  return svg;
}

function values(measure, zoo) {
  const box = element("div", {});
  for (const [set, units] of unitsByDataSet(zoo)) {
    const panels = units.map(([network, place]) => unitValues(network, measure.zoos[zoo].values[place]));
    box.append(element("h5", {}, set), element("div", {class: "values"}, ...panels));
  }
  return box;
}

// How far each intervention moves the measure (above) and the gap (below), as parts of the way to random labels.
function profile(measure, zoo, width) {
  const {steps} = data.zoos[zoo], of = measure.zoos[zoo].profile;
  const narrow = width < 520, label = narrow ? 0 : 235, row = narrow ? 36 : 20;
  const groups = [...new Set(steps.map(step => step.group))];
  const height = 34 + (steps.length * row + groups.length * 22) + 30;
  const svg = picture(width, height, `How far interventions move ${measure.measure}`);
  const [low, high] = [-0.6, 1.6], right = width - 34;
  const x = part => label + 8 + (Math.min(Math.max(part, low), high) - low) / (high - low) * (right - label - 16);
  for (const [at, word] of [[0, "natural"], [1, "random labels"]]) {
    svg.append(mark("path", {class: "axis", d: `M${x(at)} 20V${height - 28}`}), mark("text", {x: x(at), y: 12, class: "t"}, word));
  }
  svg.append(mark("text", {x: width, y: 12, class: "t end"}, "units"));
  let y = 26;
  for (const group of groups) {
    y += 22;
    svg.append(mark("text", {x: 0, y: y - 6, class: "h"}, group));
    steps.forEach((step, place) => {
      if (step.group !== group) return;
      const middle = y + (narrow ? 24 : 9);
      svg.append(mark("path", {class: "grid", d: `M${label} ${middle}H${right}`}));
      svg.append(mark("text", {x: narrow ? 0 : 10, y: y + 13, class: "t start"}, step.name));
      fraction(svg, x, middle + 4, step.gap, "gap", "the gap");
      fraction(svg, x, middle - 3, of[place].slice(0, 3), "own", measure.measure);
      svg.append(mark("text", {x: width, y: middle + 4, class: "t end"}, of[place][3]));
      y += row;
    });
  }
  for (const at of [-0.5, 0, 0.5, 1, 1.5]) svg.append(mark("text", {x: x(at), y: height - 12, class: "t"}, String(at).replace("-", "−")));
  return svg;
}

function fraction(svg, x, y, said, kind, who) {
  if (!said || said[0] === null) return;
  const [mean, from, to] = said;
  const line = mark("path", {class: kind, d: `M${x(from)} ${y}H${x(to)}`}), outside = mean < -0.6 || mean > 1.6;
  const dot = outside
    ? mark("path", {class: `${kind} arrow`, d: mean > 0 ? `M${x(2) - 5} ${y - 4}l8 4-8 4z` : `M${x(-2) + 5} ${y - 4}l-8 4 8 4z`})
    : mark("circle", {class: kind, cx: x(mean), cy: y, style: "r: 3.2px"});
  dot.append(mark("title", {}, `${who}: ${mean} [${from}, ${to}]`));
  svg.append(line, dot);
  if (outside) svg.append(mark("text", {class: `t on ${mean > 0 ? "end" : "start"}`, x: mean > 0 ? x(2) - 9 : x(-2) + 9, y: y + 3}, short(mean)));
}

// Its time beside that of all others, on one line.
function costLine(measures, zoo, width) {
  const timed = data.measures.filter(each => each.zoos[zoo]?.seconds);
  const logs = timed.map(each => Math.log10(each.zoos[zoo].seconds));
  const low = Math.floor(Math.min(...logs)), high = Math.max(Math.ceil(Math.max(...logs)), low + 1);
  const svg = picture(width, 54, "Time on one model, beside all other measures");
  const x = log => 14 + (log - low) / (high - low) * (width - 40);
  const named = {"-6": "1 µs", "-5": "10 µs", "-4": "0.1 ms", "-3": "1 ms", "-2": "10 ms", "-1": "0.1 s", 0: "1 s", 1: "10 s", 2: "100 s"};
  svg.append(mark("path", {class: "axis", d: `M8 34H${width - 20}`}));
  for (let at = low; at <= high; at++) svg.append(mark("text", {class: "t", x: x(at), y: 48}, named[at] ?? `1e${at} s`));
  timed.forEach((each, place) => svg.append(mark("path", {class: "tick", d: `M${x(logs[place])} 26V34`})));
  measures.forEach((measure, place) => {
    const seconds = measure.zoos[zoo]?.seconds;
    if (!seconds) return;
    const at = x(Math.log10(seconds)), dot = mark("circle", {class: place ? "randomized" : "own", cx: at, cy: 21, style: "r: 4.5px"});
    dot.append(mark("title", {}, `${measure.measure}: ${short(seconds)} s`));
    const side = at > width / 2 ? "end" : "start";
    svg.append(dot, mark("text", {class: `t ${side}`, x: at + (side === "end" ? -9 : 9), y: place ? 9 : 24}, `${measures.length > 1 ? measure.measure + ": " : ""}${short(seconds)} s`));
  });
  return svg;
}
