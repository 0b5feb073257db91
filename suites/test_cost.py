"""What does it cost? Seconds, passes over the training set and memory, on one natural model of every network.

One thread, as in the workers; nothing is shared with other measures, and what is retrained is trained again. Each tier
has its table by pytest-benchmark. Counting (harness/evaluation/cost.py) and timing are separate calls.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.calling.call import read
from harness.evaluation import cost
from harness.evaluation.measure_reference import sealed

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from harness.judging.results import Results
    from harness.pytest_session import Setup
    from measures import Measure
    from measures.trained_model import TrainedModel

pytestmark = pytest.mark.cost(cost.PROBE)

ROUNDS = {"fast": 3, "slow": 1, "retrain": 1}


@pytest.fixture
def one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def stopwatch(request: pytest.FixtureRequest) -> Callable[[], BenchmarkFixture | None]:
    """Gives pytest-benchmark's fixture; None where it is not there (-p no:benchmark). It warns if it is not used, so it
    is asked for when there is something to time."""

    def found() -> BenchmarkFixture | None:
        if not request.config.pluginmanager.hasplugin("benchmark"):
            return None
        fixture: BenchmarkFixture = request.getfixturevalue("benchmark")
        return fixture

    return found


@pytest.mark.usefixtures("one_thread")
def test_cost(
    measure: Measure,
    network: str,
    results: Results,
    setup: Setup,
    tell: Callable[..., None],
    stopwatch: Callable[[], BenchmarkFixture | None],
    tmp_path: Path,
) -> None:
    recipe = results.model(cost.models(setup.zoo)[network])
    folders = (tmp_path / str(number) for number in itertools.count())

    def fresh() -> TrainedModel:
        return cost.fresh(recipe, setup.settings, next(folders))

    called = sealed(measure)
    finding = cost.work(called, fresh())  # the first call: what it imports then is not timed
    if finding.skipped:
        tell(measure, network, finding)
    readings = []

    def call(trained: TrainedModel) -> None:
        readings.append(read(called, trained))

    timed = stopwatch()
    if timed is None:  # work and memory are told all the same
        tell(measure, network, finding)
        return
    timed.group = measure.cost
    timed.name = f"{measure.name} on {network}"
    timed.pedantic(call, setup=lambda: ((fresh(),), {}), rounds=ROUNDS[measure.cost])
    if timed.stats is not None:  # with several processes pytest-benchmark does not measure
        finding.numbers["seconds"] = statistics.median(reading.seconds for reading in readings)
    timed.extra_info.update(finding.numbers)
    tell(measure, network, finding)
