// Which view is shown, by the address: #measure=NAME, #compare=ONE,OTHER, else all measures.
let place = 0; // how far down the overview was, to come back to

function show() {
  const hash = location.hash.slice(1), [, key, value = ""] = /^([^=]*)=?(.*)$/s.exec(hash);
  if (!document.body.dataset.view) place = scrollY;
  let names = [];
  try {
    names = value.split(",").map(decodeURIComponent);
  } catch { /* an address that is not one: all measures are shown */ }
  document.getElementById("compare").hidden = true;
  hush();
  if (key === "measure" && showMeasure(names.join(","))) return;
  const chosen = value ? names : data.measures.filter(each => each.role === "measure").slice(0, 2).map(each => each.measure);
  if (key === "compare" && chosen.length === 2 && showComparison(chosen)) return;
  const back = Boolean(document.body.dataset.view);
  delete document.body.dataset.view;
  document.title = "shatterproof: measures of generalization";
  if (back && (!hash || !document.getElementById(hash))) scrollTo(0, place);
  else if (hash) document.getElementById(hash)?.scrollIntoView();
}

for (const box of document.querySelectorAll("#own, #compare")) {
  box.prepend(element("p", {class: "back"}, element("a", {href: "#table"}, "← All measures")));
}
addEventListener("hashchange", show);
show();
