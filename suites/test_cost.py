"""What does it cost? Seconds, passes over the training set and memory, on one natural model of every network.

One thread, as in the workers; nothing is shared with other measures, and what is retrained is trained anew. Each tier
has its table by pytest-benchmark. Counting (harness/cost.py) and timing are separate calls.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import cost
from harness.evaluate import read

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from harness.judging import Judging
    from harness.trained_model import TrainedModel
    from measures import Measure

pytestmark = pytest.mark.cost

CHECKLIST = cost.CHECKLIST
ROUNDS = {"fast": 3, "slow": 1, "retrain": 1}


@pytest.fixture
def one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_cost(
    measure: Measure,
    network: str,
    judging: Judging,
    found: Callable[..., None],
    benchmark: BenchmarkFixture,
    tmp_path: Path,
) -> None:
    recipe = judging.model(cost.models(judging.zoo)[network])
    folders = (tmp_path / str(number) for number in itertools.count())

    def fresh() -> TrainedModel:
        return cost.fresh(recipe, judging.settings, next(folders))

    finding = cost.work(measure, fresh())  # the first call: what it imports lately is not timed
    if finding.skipped:
        found(measure, network, finding)
    benchmark.group = measure.cost
    benchmark.name = f"{measure.name} on {network}"
    benchmark.pedantic(read, setup=lambda: ((measure, fresh()), {}), rounds=ROUNDS[measure.cost])
    if benchmark.stats is not None:  # with several processes pytest-benchmark does not measure
        finding.numbers["seconds"] = benchmark.stats.stats.median
    benchmark.extra_info.update(finding.numbers)
    found(measure, network, finding)
