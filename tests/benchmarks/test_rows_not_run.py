"""How many hours the rows of the paper would take that no record has in full: its step, measured, times its steps.

One thread, bfloat16, the loop's own step in a process that keeps its memory, as the workers of a training do. Decoding,
crops and the evaluation of every epoch come on top: the two rows of Inception that ran took 3.0 and 3.7 hours beside
other work.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.paper.cifar10.figure1 import NETWORKS as IN_FIGURE_1
from harness.paper.cifar10.figure1 import POINTS, recipe_of, wanted_runs
from harness.paper.cifar10.recipes import PAPER_IMAGES, Cifar10
from harness.paper.cifar10.table1 import regularized_random_labels, rows_of_the_table
from harness.training.precision import fastest
from harness.training.recipe import Recipe
from tests import ROOT
from tests.benchmarks.test_throughput import BATCH
from tests.benchmarks.test_ways_to_train import MEMORY_KEPT, seconds_a_step, start

pytestmark = pytest.mark.slow

RESULTS = ROOT / "baselines" / "paper"
NETWORKS = ("inception_small", "inception_small_no_bn", "alexnet_small", "mlp_1x512")
DATA = Cifar10(0, "", "", "torchvision", PAPER_IMAGES)


def ran_in_full(result: Path) -> set[str]:
    rows = json.loads(result.read_text())["rows"]
    return {row["row"] for row in rows if row["num_train"] == PAPER_IMAGES}


def not_run(network: str) -> Iterator[tuple[str, Recipe]]:
    """What the paper has of the network and no record of ours."""
    known = ran_in_full(RESULTS / "table1.json")
    for row in [*rows_of_the_table(), *regularized_random_labels()]:
        if row.network == network and row.name not in known:
            yield row.name, row.recipe(DATA, None, "cpu")
    if network not in IN_FIGURE_1:
        return
    known = ran_in_full(RESULTS / "figure1.json")
    for run in wanted_runs("abc", network, [network], POINTS):
        recipe = recipe_of(run, DATA, None, "cpu")
        if run.name not in known and recipe.condition not in ("true_labels", "random_labels"):  # those are table 1's
            yield f"figure 1, {run.name}", recipe


@pytest.mark.parametrize("network", NETWORKS)
def test_hours_of_the_rows_that_were_not_run(benchmark: Any, network: str) -> None:
    if fastest("cpu") == "float32":
        pytest.skip("this processor has no bfloat16 products")
    seconds = benchmark.pedantic(lambda: seconds_a_step(start(1, False, MEMORY_KEPT, network)), rounds=1)
    benchmark.extra_info["a step [s]"] = seconds
    for name, recipe in not_run(network):
        steps = recipe.max_epochs * math.ceil(PAPER_IMAGES / BATCH)
        benchmark.extra_info[f"{name} [hours]"] = round(steps * seconds / 3600, 2)
