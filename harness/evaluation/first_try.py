"""A new measure is called on one tiny network before anything is trained: a mistake costs a second, told once."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.evaluation.contract import RECIPES
from harness.evaluation.evaluate import evaluate
from harness.evaluation.measure_reference import digest_of
from harness.evaluation.rows import Row, RowCache
from harness.evaluation.strangers import Unusable
from harness.settings import Settings
from harness.training.recipe import Recipe
from harness.workers.progress import Say
from harness.zoo.build import build
from harness.zoo.checkpoints.look import Seen
from harness.zoo.checkpoints.own_twins import OwnTwins
from harness.zoo.zoo import Zoo
from measures.registry import Measure

NETWORK = RECIPES[0]
"""Of the contract's two: a measure that has no meaning for it is to raise NotApplicable, not something else."""

TINY, OWN = "one tiny network", "one of the networks"
RECORDED = Path(__file__).resolve().parents[2] / "baselines" / "digits"  # has a file for each measure that is not new
FEW_EXAMPLES = 100
TELLS = ("value", "not_applicable")


def try_first(
    measures: Sequence[Measure],
    settings: Settings,
    say: Say,
    printed: set[str] | None = None,
    network: Recipe = NETWORK,
    seen: Seen | None = None,
) -> dict[str, Row]:
    """What came of calling each new measure on the tiny network, by its name, where that was no value and no
    NotApplicable. What it gave otherwise is said.

    `seen`: that the network is one from elsewhere, which is not trained here.

    New is a stranger's that has no row in the cache as it stands, and one of this project's that has no record either.
    """
    tried = new_among(measures, settings)
    if not tried:
        return {}
    there: Any = {network: seen} if seen else build([network], settings, say, progress=False)
    rows = evaluate(tried, there, [network], settings, say, progress=False, printed=printed)
    found = {measure.name: rows[measure.name, network] for measure in tried}
    for name, row in found.items():
        if row.status in TELLS:
            say(_in_words(name, row, OWN if seen else TINY))
    return {name: row for name, row in found.items() if row.status not in TELLS}


def network_for(zoo: Zoo) -> Recipe:
    """The tiny network; where the zoo's inputs are not images, its own first network, hardly trained on few examples.

    Of twins from elsewhere, which are there, their smallest natural network.
    """
    if isinstance(zoo, OwnTwins):
        naturals = [twin.natural for condition in zoo.gate for twin in zoo.twins(condition)]
        return min(naturals, key=lambda recipe: zoo.seen[recipe].parameters, default=NETWORK)
    if zoo.known.images:
        return NETWORK
    natural = zoo.natural(next(iter(zoo.networks)), 0)
    few = min(zoo.train_size, FEW_EXAMPLES)
    return dataclasses.replace(natural, num_train=few, batch_size=min(natural.batch_size, few // 2), max_epochs=2)


def new_among(measures: Sequence[Measure], settings: Settings) -> list[Measure]:
    """Those without a row; of the measures of this project, those without a record too."""
    candidates = [
        measure
        for measure in measures
        if measure.family == "external" or not (RECORDED / f"{measure.name}.json").exists()
    ]
    known, _ = RowCache(settings.cache_dir).read(measure.name for measure in candidates)
    states = {(name, version, digest) for name, version, digest, *_ in known}
    return [
        measure
        for measure in candidates
        if isinstance(measure.function, Unusable) or (measure.name, measure.version, digest_of(measure)) not in states
    ]


def when_tried(zoo: Zoo) -> str:
    """The end of a sentence about a measure that crashed there."""
    if isinstance(zoo, OwnTwins):
        return f"when it was tried on {OWN}, before the others"
    return f"when it was tried on {TINY}, before anything was trained"


def _in_words(name: str, row: Row, where: str) -> str:
    what = f"gave {row.value:.6g}" if row.value is not None else f"is not applicable ({row.reason})"
    return f"tried on {where} first: {name} {what}, in {row.seconds:.2g} s"
