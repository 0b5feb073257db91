"""The work of a run: from what is asked (plan.py) to what is known (results.py). `train` first, then `measure`."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from harness.errors import HarnessError
from harness.evaluation.blinding import Blinded, Part, as_recipe
from harness.evaluation.evaluate import evaluate
from harness.evaluation.finding import Finding
from harness.evaluation.first_try import network_for, try_first
from harness.evaluation.probe import check
from harness.evaluation.rows import RowCache
from harness.evaluation.source_digest import digest_as_called
from harness.judging.plan import Plan, measures_to_judge, models_wanted, repeated, without
from harness.judging.reads import blinded_models
from harness.judging.results import Results
from harness.judging.units.witnesses import check_enough
from harness.settings import Settings
from harness.store.store import Damaged, StoredModel, store_of
from harness.training.reading.raw_data import load_raw_data
from harness.training.recipe import Recipe
from harness.workers.progress import Say
from harness.zoo.build import build
from harness.zoo.checkpoints.doors import Listed
from harness.zoo.checkpoints.look import Seen
from harness.zoo.checkpoints.own_twins import OwnTwins, as_zoo, listed, premise_table
from harness.zoo.checkpoints.survey import look_at
from harness.zoo.zoo import Zoo, recipes
from measures.registry import Measure


@dataclasses.dataclass(frozen=True)
class Work:
    """Where and how the work is done, how the user is told of it, and whether its progress shows.

    `printed`: the measures of which the user was shown what they print.
    """

    settings: Settings
    say: Say = print
    progress: bool = True
    printed: set[str] = dataclasses.field(default_factory=set, compare=False)


def try_out(plan: Plan, known: Results, work: Work) -> Results:
    """What is known, with the measures that crash on one tiny network, on which the new ones are tried.

    What a probe alone asks of a measure, the probe tells. Raises HarnessError if the zoo's data cannot be had.
    """
    _check_power(plan)
    _check_data(plan, work.settings)
    if known.untrained:
        return known
    wanted = {measure.name: measure for measure in measures_to_judge(plan) if measure.name not in known.crashed}
    network = network_for(plan.zoo)
    crashed = try_first([*wanted.values()], work.settings, work.say, work.printed, network, _seen(plan.zoo, network))
    return dataclasses.replace(known, crashed={**known.crashed, **crashed})


def look(pairs: Listed, work: Work) -> Zoo:
    """Twins that were trained elsewhere, each network loaded once; what was seen of them is told before anything else.

    Raises HarnessError if no measure could pass with as few as there are.
    """
    twins = listed(pairs)
    check_enough(twins)
    twins = look_at(pairs, work.settings, work.progress)
    for line in premise_table(twins) if work.progress else ():
        work.say(line)
    for remark in twins.remarks:
        work.say(remark)
    return as_zoo(twins)


def train(plan: Plan, known: Results, work: Work) -> Results:
    """What is known, with every model that the plan needs; those that are missing in the store are trained.

    What prevents the training is the results' `untrained`: every suite's problem, so that nothing more is tried.
    Raises HarnessError at once if no measure could pass with as few units as the zoo has.
    """
    _check_power(plan)
    if isinstance(plan.zoo, OwnTwins):
        there: Mapping[Recipe, Any] = plan.zoo.seen
        return dataclasses.replace(known, models={**known.models, **there})
    if known.untrained:
        return known
    if wanted := [recipe for recipe in models_wanted(plan) if recipe not in known.models]:
        try:
            found = build(wanted, work.settings, work.say, work.progress)
        except HarnessError as problem:
            return dataclasses.replace(known, untrained=str(problem))
        known = dataclasses.replace(known, models={**known.models, **found})
    new = [question for question, _ in plan.questions if question.name not in known.premises]
    premises = {question.name: question.premise(plan.zoo, known.outcome) for question in new}
    return dataclasses.replace(known, premises={**known.premises, **premises})


def measure(plan: Plan, known: Results, work: Work) -> Results:
    """What is known, with the findings and rows that the plan asks for, where the premise of their suite holds.

    All at once, so that measures share what is computed from a model. What prevents it is the results' `unmeasured`;
    what was found before stays.
    """
    if known.untrained:
        return known
    plan = without(plan, known.crashed)
    try:
        for found in _probed(plan, known, work):
            known = dataclasses.replace(known, findings={**known.findings, **found})
        known = _evaluated(plan, known, work)
        return _blinded(plan, known, work)
    except HarnessError as problem:
        return dataclasses.replace(known, unmeasured=str(problem))


def _seen(zoo: Zoo, recipe: Recipe) -> Seen | None:
    return zoo.seen.get(recipe) if isinstance(zoo, OwnTwins) else None


def _check_power(plan: Plan) -> None:
    """HarnessError if no measure could pass with as few units as the zoo has."""
    if plan.gate or plan.values or plan.questions or plan.blinded:
        check_enough(plan.zoo)


def _check_data(plan: Plan, settings: Settings) -> None:
    """HarnessError if the zoo's data are neither there nor to be downloaded. A cluster's are where its workers are."""
    asked = plan.gate or plan.values or plan.questions or plan.blinded
    trains = not isinstance(plan.zoo, OwnTwins) and asked
    if settings.dask is None and trains:
        for name in plan.zoo.data_sets:
            load_raw_data(name, settings.data_dir, settings.cache_dir)


def recall(
    wanted: Iterable[Recipe], measures: Sequence[Measure], known: Results, settings: Settings, blinded: bool = False
) -> Results:
    """What is known, with what other processes have trained and evaluated, as far as the disk tells; `blinded`: with
    parts hidden, too."""
    store = store_of(settings)
    sources = {measure.name: digest_as_called(measure) for measure in measures}
    cached, _ = RowCache(settings.cache_dir).read(sources, usable=False)
    models, rows = dict(known.models), dict(known.rows)
    for recipe in dict.fromkeys(wanted):
        try:
            model = store.find(recipe)
        except Damaged:
            model = None  # its rows are then missing, which the record says
        if model is None:
            continue
        models[recipe] = model
        for measure in measures:
            about = (measure.name, measure.version, sources[measure.name], recipe.key, model.weights_sha256)
            if about in cached:
                rows[measure.name, recipe] = cached[about]
    known = dataclasses.replace(known, models=models, rows=rows)
    if not blinded or any(recipe not in models for recipe in recipes(known.zoo, known.zoo.gate)):
        return known
    found = {
        (measure.name, *about): cached[address]
        for about, stand_in in stand_ins_of(known).items()
        for measure in measures
        if (address := _address(measure, sources, stand_in, models)) in cached
    }
    return dataclasses.replace(known, blinded={**known.blinded, **found})


def _address(
    measure: Measure, sources: Mapping[str, str], stand_in: Blinded, models: Mapping[Recipe, StoredModel]
) -> tuple[str, int, str, str, str]:
    weights = models[stand_in.recipe].weights_sha256
    return measure.name, measure.version, sources[measure.name], stand_in.key, weights


def _probed(plan: Plan, known: Results, work: Work) -> Iterator[dict[tuple[str, str, str], Finding]]:
    for probe, measures in plan.probes:
        asked = [(probe.name, measure.name, clause.__name__) for measure in measures for clause in probe.clauses]
        if all(name in known.findings for name in asked):
            continue
        found = check(probe.name, probe.clauses, measures, probe.recipes(plan.zoo), work.settings, work.progress)
        yield {(probe.name, measure, clause): finding for (measure, clause), finding in found.items()}


def _evaluated(plan: Plan, known: Results, work: Work) -> Results:
    wanted, measures = _rows_wanted(plan, known)
    if all((name, recipe) in known.rows for name in measures for recipe in wanted):
        return known
    models = {recipe: known.models[recipe] for recipe in wanted}
    again = repeated(plan.zoo)
    rows = evaluate([*measures.values()], models, again, work.settings, work.say, work.progress, printed=work.printed)
    # A model that was damaged has been trained again, and `models` has it as it is now.
    return dataclasses.replace(known, models={**known.models, **models}, rows={**known.rows, **rows})


def _blinded(plan: Plan, known: Results, work: Work) -> Results:
    """With a part hidden, where the premise of the gate holds: the measures that fail on no model as it is."""
    if not plan.blinded or any(known.unfitted(condition) for condition in plan.zoo.gate):
        return known
    failed = {name for (name, _), row in known.rows.items() if row.status in ("error", "timeout")}
    measures = [measure for measure in plan.blinded if measure.name not in failed]
    stand_ins = stand_ins_of(known)
    if all((measure.name, *about) in known.blinded for measure in measures for about in stand_ins):
        return known
    models = {as_recipe(blinded): known.models[blinded.recipe] for blinded in stand_ins.values()}
    rows = evaluate(measures, models, (), work.settings, work.say, work.progress, printed=work.printed)
    found = {
        (measure.name, *about): rows[measure.name, as_recipe(blinded)]
        for measure in measures
        for about, blinded in stand_ins.items()
    }
    return dataclasses.replace(known, blinded={**known.blinded, **found})


def stand_ins_of(known: Results) -> dict[tuple[Part, Recipe], Blinded]:
    """What is evaluated with a part hidden, by the part and the model; the gate's models are known."""
    return blinded_models(known.zoo, lambda recipe: known.models[recipe].weights_sha256)


def _rows_wanted(plan: Plan, known: Results) -> tuple[list[Recipe], dict[str, Measure]]:
    """The models to evaluate on, and all the measures that any suite whose premise holds asks for, by name."""
    wanted: list[Recipe] = []
    measures: dict[str, Measure] = {}
    reads = dict.fromkeys(plan.zoo.gate if plan.blinded else (), plan.blinded)
    for asked, fitted in ((plan.gate, True), (reads, True), (plan.values, False)):
        for condition, some in asked.items():
            if some and not (fitted and known.unfitted(condition)):
                wanted += recipes(plan.zoo, [condition])
                measures |= {measure.name: measure for measure in some}
    for question, some in plan.questions:
        if some and not known.premise(question):
            wanted += question.recipes(plan.zoo)
            measures |= {measure.name: measure for measure in some}
    return [*dict.fromkeys(wanted)], measures
