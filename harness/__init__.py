"""The judge of measures, a room for each step. Imports run from the doors down to the ground, never up.

measures/       what is judged: a function of a trained network that returns one number (a family a folder)
  trained_model.py     all that a measure may see          quantities/   what several families compute from it
harness/        the judge, from the ground up:
  files/        whole files, strict JSON, private folders
  training/     a recipe in, a trained network out: data, randomization, networks, the loop, when to stop
  store/        trained networks on disk, found by the digest of their recipe
  workers/      jobs in supervised processes: here, in an executor, on a Dask cluster
  zoo/          which networks the suites need, and how they come to be in the store
  evaluation/   measures x networks -> rows; and the contract, invariances, noise and cost of a measure
  judging/      rows -> verdicts: the gate's test, then a file for each question beyond it
  records/      verdicts -> JSON, tables, profiles        leaderboard/  records folded, checked, compared, shown
  *.py          the doors: pytest_plugin, __main__ (shell), notebook        paper/   Zhang et al. 2017, reproduced
suites/  run against a measure       tests/  run against us       baselines/  what was measured
"""

import importlib
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.evaluation.finding import Finding
from harness.installed.shatterproof_guest import put_ours_first

if TYPE_CHECKING:
    from harness.judging.one_network import load_model, twins
    from harness.notebook import Judgement, Verdict, judge
    from harness.training.declaring import data_set, network
    from harness.zoo.checkpoints.pair import Checkpoint, Pair
    from harness.zoo.grid import Grid
    from harness.zoo.trained_with import adam, adamw, sgd
    from harness.zoo.unit import Unit
    from harness.zoo.zoo import Zoo

if in_the_way := put_ours_first(("harness", "measures")):  # a file of the working folder has the name of a package
    raise HarnessError(in_the_way)

__all__ = [
    "Checkpoint",
    "Finding",
    "Grid",
    "HarnessError",
    "Judgement",
    "Pair",
    "Unit",
    "Verdict",
    "Zoo",
    "adam",
    "adamw",
    "data_set",
    "judge",
    "load_model",
    "network",
    "sgd",
    "twins",
]

_STANDS_IN = {
    **dict.fromkeys(("Judgement", "Verdict", "judge"), "harness.notebook"),
    **dict.fromkeys(("load_model", "twins"), "harness.judging.one_network"),
    **dict.fromkeys(("data_set", "network"), "harness.training.declaring"),
    **dict.fromkeys(("adam", "adamw", "sgd"), "harness.zoo.trained_with"),
    **dict.fromkeys(("Checkpoint", "Pair"), "harness.zoo.checkpoints.pair"),
    "Grid": "harness.zoo.grid",
    "Unit": "harness.zoo.unit",
    "Zoo": "harness.zoo.zoo",
}


def __getattr__(name: str) -> Any:
    """`from harness import judge`, without torch for those who import the package for something else."""
    if name in _STANDS_IN:
        return getattr(importlib.import_module(_STANDS_IN[name]), name)
    raise AttributeError(f"module 'harness' has no attribute {name!r}")
