// The page's data as files, made here: nothing is asked of a network.
function quoted(value) {
  if (value === null || value === undefined) return "";
  let text = String(value);
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`; // a sheet would take it for a formula
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function asCsv(heads, lines) {
  return [heads, ...lines].map(line => line.map(quoted).join(",")).join("\r\n") + "\r\n";
}

function* onZoos() {
  for (const measure of data.measures) for (const [zoo, said] of Object.entries(measure.zoos)) yield [measure, zoo, said];
}

const FILES = {
  "leaderboard.json": () => JSON.stringify(data, null, 1),
  "table.csv": () => {
    const found = said => Object.fromEntries(Object.entries(said.findings).flatMap(([suite, clauses]) => clauses.map(each => [`${suite}: ${each.slice(1).split(": ")[0]}`, each.slice(each.indexOf(": ") + 2)])));
    const findings = [...new Set([...onZoos()].flatMap(([, , said]) => Object.keys(found(said))))].sort();
    const counted = CONDITIONS.flatMap(each => [`${each}: verdict`, `${each}: units won`, `${each}: p`, `${each}: AUC`, `${each}: tau`]);
    const heads = ["measure", "family", "tier", "role", "source", "zoo", "protocol", "complete", "gate", "worst condition", "units won at worst", "units", "reads", "dominated by", "seconds a model", ...counted, ...findings];
    return asCsv(heads, [...onZoos()].map(([measure, zoo, said]) => [
      measure.measure, measure.family, measure.tier, measure.role, measure.source, zoo, said.protocol, said.complete, said.verdict,
      said.worst?.condition, said.worst?.won, said.worst?.units, said.reads, said.better, said.seconds,
      ...CONDITIONS.flatMap(name => { const each = said.conditions[name]; return [each?.verdict, each?.won, each?.p_value, each?.auc, each?.kendall_tau]; }),
      ...findings.map(name => found(said)[name])]));
  },
  "units.csv": () => asCsv(["measure", "zoo", "protocol", "condition", "data set", "network", "decision", "seeds won", "seeds"],
    [...onZoos()].flatMap(([measure, zoo, said]) => Object.entries(said.conditions).flatMap(([condition, each]) => (each.by_unit ?? []).map((decided, place) =>
      [measure.measure, zoo, said.protocol, condition, ...data.zoos[zoo].units[place].slice(0, 2), MARKS[decided[0]][2], decided.slice(1), data.zoos[zoo].units[place][2]])))),
  "values.csv": () => asCsv(["measure", "zoo", "data set", "network", "seed's place", "natural", ...CONDITIONS],
    [...onZoos()].flatMap(([measure, zoo, said]) => (said.values ?? []).flatMap((seeds, place) => seeds.map((seed, number) => [measure.measure, zoo, ...data.zoos[zoo].units[place].slice(0, 2), number, ...seed])))),
};

for (const button of document.querySelectorAll("[data-download]")) button.addEventListener("click", () => {
  const name = button.dataset.download, type = name.endsWith("json") ? "application/json" : "text/csv";
  const address = URL.createObjectURL(new Blob([FILES[name]()], {type: `${type};charset=utf-8`}));
  const made = element("a", {href: address, download: name});
  document.body.append(made);
  made.click();
  made.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
});
