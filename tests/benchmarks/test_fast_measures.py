"""How long all fast measures take together, shared quantities computed once; and the memory at a larger size.

pytest tests/benchmarks/test_fast_measures.py
"""

import dataclasses
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from harness.calling.call import read
from harness.evaluation.evaluate import evaluate
from harness.evaluation.measure_lookup import find_measures
from harness.settings import make_settings
from harness.store.store import Store
from harness.training.recipe import Recipe
from harness.workers.pool import warm_up
from harness.zoo.build import build
from harness.zoo.zoo import GATE, recipes
from harness.zoo.zoos import ZOOS
from measures.trained_model import TrainedModel
from tests import ROOT

pytestmark = pytest.mark.slow

RATES = {"mlp_1x512": 0.2, "convnet_bn": 0.06, "mlp_3x512": 0.03}


@pytest.mark.parametrize("network", RATES)
def test_all_fast_measures_on_one_model(benchmark: Any, network: str, shared_cache: Path) -> None:
    recipe = Recipe(data_set="digits", network=network, learning_rate=RATES[network], seed=0)
    settings = make_settings(cache_dir=str(shared_cache), workers=1)
    build([recipe], settings, progress=False)
    trained = Store(settings.cache_dir).load(recipe, settings.data_dir)
    measures = find_measures(["all"], "fast")

    def all_of_them(fresh: TrainedModel) -> list[str]:
        return [entry.name for entry in measures if read(entry, fresh).status == "error"]

    def nothing_shared() -> tuple[tuple[TrainedModel], dict[str, Any]]:
        return (dataclasses.replace(trained),), {}

    errors = benchmark.pedantic(all_of_them, setup=nothing_shared, rounds=5, warmup_rounds=1)
    benchmark.extra_info["measures"] = len(measures)
    assert errors == []


def test_all_fast_measures_on_every_model_of_the_gate_with_two_workers(benchmark: Any, shared_cache: Path) -> None:
    """Models in the store, no rows: loading, evaluating and writing every row, the start of the workers included."""
    settings = make_settings(cache_dir=str(shared_cache), workers=2)
    entries = build(recipes(ZOOS["digits"], GATE), settings, progress=False)
    measures = find_measures(["all"], "fast")
    warm_up()

    def every_row() -> int:
        for file in (settings.cache_dir / "rows").rglob("*.jsonl"):
            file.unlink()
        return len(evaluate(measures, entries, [], settings, progress=False))

    assert benchmark.pedantic(every_row, rounds=1) == len(entries) * len(measures)


LARGE = """
    import resource, torch
    from harness.calling.call import read
    from harness.evaluation.measure_lookup import find_measures
    from tests.builders.models import trained_model
    from harness.training.networks.building import build

    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(5000, 3, 28, 28, generator=generator)
    model = build("mlp_3x512", (3, 28, 28), 10, 0).eval()
    with torch.no_grad():
        labels = model(inputs).argmax(dim=1)
    trained = trained_model(model, inputs, labels, init=build("mlp_3x512", (3, 28, 28), 10, 1), num_classes=10)
    assert sum(p.numel() for p in model.parameters()) > 1_700_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    statuses = {entry.name: read(entry, trained).status for entry in find_measures(["all"], "fast")}
    assert "error" not in statuses.values(), statuses
    print(before // 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_of_all_fast_measures_at_1_7_million_weights_and_5000_images(benchmark: Any) -> None:
    """In a process of its own; the peak is all of it, python, torch and the images included."""

    def run() -> str:
        command = [sys.executable, "-c", textwrap.dedent(LARGE)]
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    before, peak = benchmark.pedantic(run, rounds=1).split()
    benchmark.extra_info |= {"peak memory [MB]": int(peak), "before the first measure [MB]": int(before)}
    assert int(peak) < 2000
