"""`judge(my_measure)`: the gate's verdict on a measure, for notebooks and scripts.

A function of a notebook's cell stands in no file that a worker process could import. It is called in this process,
under the checks that workers make; only, nothing stops it where it hangs, and what kills it kills the notebook.
"""

import dataclasses
from collections.abc import Callable

from tqdm import tqdm

from harness.checklist import Finding
from harness.errors import HarnessError, NoVerdict
from harness.evaluate import readings
from harness.judging import Judging
from harness.measure_lookup import find_measures
from harness.questions import QUESTIONS
from harness.recipe import Recipe
from harness.rows import Row
from harness.settings import Settings, make_settings
from harness.trained_model import TrainedModel
from harness.verdict import Verdict
from harness.zoo import GATE, find_zoo, pinned, recipes
from measures._registry import Measure, RegistrationError, measure, registered

Function = Callable[[TrainedModel], float]


@dataclasses.dataclass(frozen=True)
class Value:
    """What the measure said of one model; None where it has none, with the reason."""

    network: str
    seed: int
    condition: str
    value: float | None
    reason: str = ""


@dataclasses.dataclass(frozen=True, repr=False)
class Judgement:
    """The answer: a verdict for each condition of the gate, the values that they follow from, findings if asked for.

    Shows as the terminal's table, and in a notebook as a table with a figure.
    """

    measure: str
    zoo: str
    verdicts: dict[str, Verdict]
    values: tuple[Value, ...]
    findings: dict[str, dict[str, Finding]]

    @property
    def passes(self) -> bool:
        """Whether it separates under every condition."""
        return all(verdict.passes for verdict in self.verdicts.values())

    def __repr__(self) -> str:
        from harness.notebook_view import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from harness.notebook_view import as_html

        return as_html(self)


def judge(
    measure: str | Measure | Function,
    zoo: str = "digits",
    *,
    findings: bool = False,
    cache_dir: str | None = None,
    data_dir: str | None = None,
    workers: int | None = None,
    device: str = "cpu",
) -> Judgement:
    """Put a measure to the gate, and with `findings` to the questions of what it really sees.

    `measure`: a name or another `--measure` of one measure, a function under `@measure(...)`, or a plain function of
    one TrainedModel. Networks that are not in the store are trained first, in worker processes. Values of functions
    that stand in no file are computed in this process, without a time limit, and are not kept.

    Raises HarnessError for what is no measure, an unknown zoo, and where a network could not be trained or did not fit.
    """
    settings = make_settings(cache_dir, data_dir, device, workers)
    found = find_zoo(zoo)
    entry = _measure(measure)
    judging = Judging(pinned(found, settings), [entry], settings, print)
    questions = QUESTIONS if findings else ()
    try:
        if _importable(entry):
            judging.prepare(GATE, [entry], questions=[(question, [entry]) for question in questions])
        else:
            judging.prepare(GATE, questions=[(question, []) for question in questions])
            if not judging.problem:
                judging.rows |= _rows_here(entry, judging, settings)
        verdicts: dict[str, Verdict] = {condition: judging.verdict(entry, condition) for condition in GATE}
        answers = {
            question.name: {each.__name__: judging.answer(entry, question, each) for each in question.answers}
            for question in questions
        }
    except NoVerdict as problem:
        raise HarnessError(str(problem)) from problem
    rows = {recipe: judging.rows[entry.name, recipe] for recipe in recipes(judging.zoo, GATE)}
    values = tuple(
        Value(recipe.network, recipe.seed, recipe.condition, row.value, row.reason) for recipe, row in rows.items()
    )
    return Judgement(entry.name, found.name, verdicts, values, answers)


def _measure(given: str | Measure | Function) -> Measure:
    if isinstance(given, str):
        found = find_measures([given])
        if len(found) != 1:
            raise HarnessError(f"{given!r} names {len(found)} measures; judge takes one at a time")
        return found[0]
    if isinstance(given, Measure):
        return given
    if not callable(given) or not hasattr(given, "__name__"):
        raise HarnessError(f"{given!r:.60} is no measure; expected a name, or a function of one trained model")
    known = registered.get(given.__name__)
    try:
        if known is not None and not _importable(known):
            del registered[given.__name__]  # the cell was run again
        return measure(source="a function of this session")(given)
    except RegistrationError as problem:
        raise HarnessError(str(problem)) from problem
    finally:
        registered.pop(given.__name__, None)  # nobody else is to find it
        if known is not None:
            registered[given.__name__] = known


def _importable(entry: Measure) -> bool:
    """Does its function stand in a file that another process can import?"""
    if entry.origin == "__main__":
        return False
    return entry.file.is_file() and registered.get(entry.name) is entry


def _rows_here(entry: Measure, judging: Judging, settings: Settings) -> dict[tuple[str, Recipe], Row]:
    """The measure's rows on every model that was asked for, computed in this process; as workers do it."""
    rows = {}
    repeated = set(judging.repeated())
    for recipe in tqdm(judging.asked, desc="evaluating", unit="models"):
        for name, reading in readings({entry.name: lambda: entry}, recipe, recipe in repeated, settings, _nothing):
            rows[name, recipe] = Row(
                measure=name,
                version=entry.version,
                source_sha256="",
                recipe=recipe.key,
                weights_sha256=judging.entries[recipe].weights_sha256,
                **dataclasses.asdict(reading),
            )
    return rows


def _nothing(name: str) -> None:
    pass
