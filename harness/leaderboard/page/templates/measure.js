// A measure's own view: its words are in the page already, its figures are drawn when it is opened.
function articleOf(name) {
  return [...document.querySelectorAll("#own > article")].find(each => each.dataset.measure === name);
}

function figure(title, words, drawn) {
  const made = element("figure", {}, element("h4", {}, title), drawn);
  if (words) made.append(element("figcaption", {}, words));
  return made;
}

function drawMeasure(article, measure) {
  const box = article.querySelector(".drawn"), width = Math.min(700, article.clientWidth || 700);
  box.replaceChildren();
  for (const [zoo, said] of Object.entries(measure.zoos)) {
    if (said.worst && Object.values(said.conditions).some(each => each.by_unit))
      box.append(figure(`Verdicts by unit on ${zoo}`, "■ won, □ neither, ✕ lost: most seeds of the unit decide.", strip(measure, zoo)));
    if (said.profile) {
      const labels = said.conditions.random_labels, smaller = labels && labels.by_unit.filter(each => each[0] === "l").length > labels.won;
      box.append(figure(`How far interventions move it on ${zoo}`, `Filled: the measure; hollow: the generalization gap. Parts of the way from natural data to random labels, means over units with 95% intervals; arrows lie beyond the axis.${smaller ? " Random labels make this measure smaller in more units, so it is turned round here." : ""}`, profile(measure, zoo, width)));
    }
    if (said.values) box.append(figure(`Values on twins on ${zoo}`, "Filled: natural networks. Hollow: their randomized twins. A panel has a scale of its own.", values(measure, zoo)));
    if (said.seconds) box.append(figure(`Time on one model of ${zoo}`, "Ticks: all other measures.", costLine([measure], zoo, width)));
  }
}

function showMeasure(name) {
  const article = articleOf(name), measure = byName.get(name);
  if (!article || !measure) return false;
  for (const each of document.querySelectorAll("#own > article")) each.classList.toggle("chosen", each === article);
  document.body.dataset.view = "measure";
  drawMeasure(article, measure);
  const box = article.querySelector(".compare-with");
  if (!box.childElementCount) {
    const field = chooser("Compare with", "", other => { location.hash = `compare=${encodeURIComponent(name)},${encodeURIComponent(other)}`; });
    box.append(field);
  }
  document.title = `${name}: shatterproof`;
  article.querySelector("h3").focus({preventScroll: true});
  scrollTo(0, 0);
  return true;
}

// A field that takes the name of a measure.
function chooser(label, value, chosen) {
  if (!document.getElementById("names")) {
    document.body.append(element("datalist", {id: "names"}, ...data.measures.map(each => element("option", {value: each.measure}))));
  }
  const input = element("input", {list: "names", value, placeholder: "a measure's name"});
  input.addEventListener("change", () => byName.has(input.value) && chosen(input.value));
  return element("label", {}, `${label} `, input);
}
