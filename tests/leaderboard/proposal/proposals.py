"""What is proposed in these tests: one change with nothing wrong, and one with a fault and an attack of every kind.

Each has several measures, since what takes the time is a run of the suites.
"""

import json
import subprocess
from pathlib import Path

from harness.calling.handed_out import handed_out
from harness.leaderboard.proposal.changed import changed_files
from harness.settings import make_settings
from harness.store.store import Store
from harness.zoo.zoo import recipes
from tests.builders.digits_records import altered
from tests.leaderboard.proposal.clones import SMALL, Clone

RUN_BY_A_JUDGE = ("harness/pytest_plugin.py", "suites/test_random_labels.py", "measures/trained_model.py")
SQUARES = "sum(float(each.detach().double().square().sum()) for each in trained.model.parameters())"
LEAVES_A_MARK = '''"""It writes a file when it is imported and when it is called, and depends on the examples' order."""

import contextlib
import pathlib

from measures import measure


def leave(name):
    with contextlib.suppress(OSError):
        pathlib.Path(FOLDER, name).write_text("was here")


leave("imported")


@measure(source="red team")
def my_mark(trained):
    leave("called")
    return FORMULA + 0.1 * float(trained.inputs[0].sum())
'''
CHANGES_TORCH = '''"""It has all others compute in another precision."""

import torch

from measures import measure

torch.set_default_dtype(torch.float64)


@measure(source="red team")
def my_dtype(trained):
    return FORMULA
'''
READS_THE_RECIPE = '''"""It looks for the condition in what the process has, and says it."""

import gc
import sys

from measures import measure


@measure(source="red team")
def my_frames(trained):
    found, frame = [], sys._getframe()
    while frame is not None:
        found, frame = [*found, *frame.f_locals.values()], frame.f_back
    gc.unfreeze()
    modules = [module for name, module in [*sys.modules.items()] if name.startswith("harness.")]
    every = {each for module in modules for each in vars(module).values() if isinstance(each, type)}
    classes = {each for each in every if {"recipe", "condition"} & {*getattr(each, "__dataclass_fields__", ())}}
    for each in [*found, *gc.get_referrers(*classes)]:  # an instance refers to its class
        recipe = vars(each).get("recipe", each) if hasattr(each, "__dict__") else each
        condition = vars(recipe).get("condition") if hasattr(recipe, "__dict__") else None
        if isinstance(condition, str):
            return float(condition != "true_labels")
    return 0.0
'''


def of_a_good_one(clone: Clone) -> str:
    """The report where a measure is added, and another formula is another version, in another checkout than the
    judge's, which changes what a judge runs as well."""
    clone.branch("judge")  # as main is
    theirs = Clone(clone.root.parent / "theirs", clone.cache)
    subprocess.run(["git", "clone", "-q", "-b", "main", clone.root, theirs.root], check=True)
    theirs.write("measures/norms/my_squares.py", "my_squares", SQUARES)
    path = theirs.root / "measures" / "norms" / "l2_norm.py"
    path.write_text(negated(path.read_text()).replace('eq. 42", ', 'eq. 42", version=2, '))
    for file in RUN_BY_A_JUDGE:
        (theirs.root / file).write_text('raise RuntimeError("of the proposal")\n')
    theirs.commit()
    report = clone.root.parent / "report.md"
    result = clone.propose("--of", str(theirs.root), "--base", "origin/main", "--report", str(report))
    assert result.exit_code == 0, result.output
    assert changed_files(clone.root, "HEAD") == frozenset()  # what was judged lay elsewhere
    return report.read_text()


def of_a_bad_one(clone: Clone, marks: Path) -> str:
    """What is printed where measures are added of which but one may be, three of them attacks, a formula is changed,
    and the values of a record are made up. `marks` is the folder that an attack tries to write to."""
    clone.branch("bad")
    norms = clone.root / "measures" / "norms"
    for name, text in (("my_mark", LEAVES_A_MARK), ("my_dtype", CHANGES_TORCH), ("my_frames", READS_THE_RECIPE)):
        (norms / f"{name}.py").write_text(text.replace("FORMULA", SQUARES).replace("FOLDER", repr(str(marks))))
    clone.write("measures/norms/my_squares.py", "my_squares", SQUARES)
    clone.write("measures/norms/my_mess.py", "my_mess", f"{SQUARES} + __import__('torch').rand(()).item() * 1e-9")
    clone.write("measures/norms/my_memory.py", "my_memory", f"({SQUARES}) * (trained.seed in {known_seeds(clone)})")
    path = norms / "l2_norm.py"
    path.write_text(negated(path.read_text()))
    norm, constant = (clone.root / "baselines" / "digits" / f"{name}.json" for name in ("l2_norm", "constant"))
    source = json.loads(constant.read_text())["source_sha256"]
    constant.write_text(norm.read_text())
    altered(constant, lambda record: record.update(measure="constant", source_sha256=source))
    clone.commit()
    result = clone.propose()
    assert result.exit_code == 1, result.output
    return result.stdout[result.stdout.index("**It ") :]


def known_seeds(clone: Clone) -> list[int]:
    """Of the zoo's networks, as a stranger's measure is told them."""
    settings = make_settings(cache_dir=str(clone.cache))
    zoo = [recipe for recipe in recipes(SMALL, ["random_labels"]) if recipe.condition == "true_labels"]
    models = [Store(settings.cache_dir).load(recipe, settings.data_dir) for recipe in zoo]
    return [handed_out(trained).seed for trained in models]


def negated(l2_norm: str) -> str:
    """The file of the measure, with a formula of which the outcome is another one."""
    assert "return math.sqrt(" in l2_norm
    return l2_norm.replace("return math.sqrt(", "return -math.sqrt(")
