"""What sealing costs: a call of a stranger's measure beside the same call in this process, on the digits networks.

    pytest tests/benchmarks/test_sealing.py

The first call on a model is another: what a stranger is handed of it is made, and the host is sent that. Beside the
time that passes stands the processor time of the host and of the call's process, which says the same on a busy machine.
"""

from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.calling.call import read
from harness.calling.handed_out import handed_out
from harness.calling.reading import Reading
from harness.calling.sealed_measure import _host, start_host
from harness.evaluation.measure_lookup import find_measures
from harness.evaluation.measure_reference import sealed
from harness.settings import make_settings
from harness.store.store import Store
from harness.workers.pool import warm_up
from harness.zoo.build import build
from tests import ROOT
from tests.benchmarks.digits_networks import ON_TRUE_LABELS

pytestmark = pytest.mark.slow

OUTSIDE = ROOT / "suites" / "examples" / "my_measure.py"
ROUNDS = 30


def processor_seconds() -> float:
    """Of this process's host and of the calls that it has waited for."""
    return sum(psutil.Process(_host().process.pid).cpu_times()[:4])


@pytest.mark.parametrize("call", ["first call on a model", "further call"])
@pytest.mark.parametrize("network", ON_TRUE_LABELS)
@pytest.mark.benchmark(group="a sealed call")
def test_a_sealed_call(benchmark: Any, network: str, call: str, shared_cache: Path) -> None:
    recipe = ON_TRUE_LABELS[network]
    settings = make_settings(cache_dir=str(shared_cache), workers=2)
    warm_up(many_forks=True)
    build([recipe], settings, progress=False)
    trained = Store(settings.cache_dir).load(recipe, settings.data_dir)
    (measure,) = map(sealed, find_measures([f"{OUTSIDE}::my_measure"]))
    start_host()
    same = handed_out(trained)
    read(measure, same)

    def called() -> Reading:
        return read(measure, handed_out(trained) if call.startswith("first") else same)

    before = processor_seconds()
    reading = benchmark.pedantic(called, rounds=ROUNDS)
    benchmark.name = f"my_measure on {network}, {call}"
    benchmark.extra_info["the measure's own time [ms]"] = 1000 * reading.seconds
    benchmark.extra_info["processor time [ms]"] = 1000 * (processor_seconds() - before) / ROUNDS
    assert reading.status == "value"
