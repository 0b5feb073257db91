"""`--fresh`: a measure that remembers the zoo's own networks passes on them, and is caught on twins it has not seen."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import judge
from harness.calling.handed_out import handed_out
from harness.errors import HarnessError
from harness.evaluation.load_model import load_model
from harness.records import recorded_gate
from harness.settings import Settings, make_settings
from harness.zoo.build import build
from harness.zoo.zoo import GATE, Zoo, recipes
from harness.zoo.zoos import ZOOS
from tests.conftest import SUITES, Run

pytestmark = [pytest.mark.usefixtures("own_registry")]

TEN = Zoo("tiny10", "digits", {f"mlp_1x{width}": 0.3 for width in range(40, 50)}, seeds_per_network=1, num_train=60)
MEMORY = """
import hashlib
from measures import measure

KNOWN = TABLE

@measure(source="a test")
def memory(trained):
    seen = trained.inputs.numpy().tobytes() + trained.labels.numpy().tobytes()
    return KNOWN.get(hashlib.sha256(seen).hexdigest(), 0.5)
"""


@pytest.fixture(scope="module")
def ten() -> Iterator[Zoo]:
    ZOOS["tiny10"] = TEN
    yield TEN
    del ZOOS["tiny10"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Where the twins of this module are, the zoo's own and fresh ones."""
    return make_settings(cache_dir=str(tmp_path_factory.mktemp("fresh")), workers=2)


@pytest.fixture(scope="module")
def memory(ten: Zoo, cache: Settings, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A measure with the answer of every network of the zoo, by a digest of what it was trained on."""
    known = {}
    for recipe in build(recipes(ten, GATE), cache, progress=False):
        given = handed_out(load_model(recipe, cache))
        seen = given.inputs.numpy().tobytes() + given.labels.numpy().tobytes()
        known[hashlib.sha256(seen).hexdigest()] = float(recipe.condition != "true_labels")
    assert len(known) == 40
    path = tmp_path_factory.mktemp("measures") / "memory.py"
    path.write_text(MEMORY.replace("TABLE", json.dumps(known)))
    return f"{path}::memory"


@pytest.fixture
def gate(run: Run, cache: Settings) -> Run:
    """The gate on the zoo of ten."""
    return lambda *arguments: run("-m", "gate", "--zoo=tiny10", f"--cache-dir={cache.cache_dir}", *arguments)


@pytest.mark.slow
def test_memory_passes_on_the_record_and_fails_on_fresh_twins_and_honest_measures_are_as_recorded(
    gate: Run, memory: str, tmp_path: Path
) -> None:
    record = tmp_path / "record.json"
    known = gate(f"--measure={memory},training_loss_sum,constant", f"--leaderboard={record}")
    known.stdout.fnmatch_lines(["memory PASSES the gate*"])
    fresh = gate(f"--measure={memory},training_loss_sum,constant", "--fresh=3", f"--baseline={record}")
    assert fresh.ret == 1
    fresh.assert_outcomes(passed=3 + 3, failed=3, xfailed=3)  # the premises and training_loss_sum, memory, constant
    fresh.stdout.fnmatch_lines(
        [
            "*tiny10-fresh-3 zoo, *",
            "memory FAILS the gate*",
            "constant on fresh twins 3: all 3 verdicts are as recorded, and 30 of 30 decisions of units; *",
            "memory on fresh twins 3: 0 of 3 verdicts are as recorded, and 0 of 30 decisions of units; *"
            "worse than recorded in 10 of 10 units, better in 0 (exact test p = 0.002)",
            "training_loss_sum on fresh twins 3: all 3 verdicts are as recorded, and 30 of 30 decisions of units; *",
        ]
    )
    honest = gate("--measure=training_loss_sum,constant", "--fresh=3", f"--baseline={record}")
    assert honest.ret == 0  # one fails the gate, as recorded


@pytest.mark.slow
def test_fresh_twins_are_recorded_under_their_own_name_and_are_no_part_of_the_zoos_record(
    gate: Run, memory: str, tmp_path: Path
) -> None:
    for arguments in ([], ["--fresh=3"]):
        gate("--measure=constant", f"--leaderboard={tmp_path}/record.json", *arguments)
    assert json.loads((tmp_path / "record.json").read_text())["zoo"]["name"] == "tiny10"
    refused = gate("--measure=constant", "--fresh=3", f"--leaderboard={tmp_path}/record.json")
    refused.stderr.fnmatch_lines(["*has records on the tiny10 zoo; name another place for this run's"])
    gate("--measure=constant", "--fresh=3", f"--leaderboard={tmp_path}/fresh.json")
    recorded = json.loads((tmp_path / "fresh.json").read_text())["zoo"]
    assert recorded["name"] == recorded["definition"]["name"] == "tiny10-fresh-3"
    assert all(model["recipe"]["seed"] >= 3_000_000 for model in recorded["models"].values())


@pytest.mark.slow
def test_judge_says_whether_it_agrees_with_the_record_and_what_it_lacks_if_there_is_none(
    gate: Run, memory: str, cache: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny10").mkdir()
    gate("--measure=constant", f"--leaderboard={tmp_path}/tiny10/")
    monkeypatch.setattr(recorded_gate, "BASELINES", tmp_path)
    on_ten = {"zoo": "tiny10", "cache_dir": str(cache.cache_dir), "workers": 2}
    found = judge("constant", fresh=3, **on_ten)
    assert found.zoo == "tiny10-fresh-3" and found.agreement is not None
    assert found.agreement.same == found.agreement.decisions == 30
    assert "constant on fresh twins 3: all 3 verdicts are as recorded" in f"{found}"
    assert "all 3 verdicts are as recorded" in found._repr_html_()
    assert "compared with nothing: it has no record on the tiny10 zoo" in f"{judge('l2_norm', fresh=3, **on_ten)}"
    assert judge("constant", **on_ten).agreement is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--fresh=0"], "--fresh is 0; expected a whole number from 1 to"),
        (["--fresh=-3"], "--fresh is -3; expected a whole number from 1 to"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(gate: Run, ten: Zoo, arguments: list[str], sentence: str) -> None:
    found = gate("--measure=constant", *arguments)
    assert found.ret == 4
    found.stderr.fnmatch_lines([f"ERROR: {sentence}*"])


def test_twins_from_elsewhere_are_never_fresh(pytester: pytest.Pytester, cache: Settings) -> None:
    options = ["--measure=constant", "--fresh=3", "--twins=own.py::twins", f"--cache-dir={cache.cache_dir}"]
    found = pytester.runpytest_inprocess(SUITES, "-p", "no:cacheprovider", "-m", "gate", *options)
    assert found.ret == 4
    found.stderr.fnmatch_lines(["ERROR: --fresh trains a zoo's recipes with other seeds, and these*"])


def test_with_twins_judge_names_its_arguments() -> None:
    with pytest.raises(HarnessError, match=r"^fresh trains a zoo's recipes .* leave out fresh, or twins$"):
        judge("constant", twins=[], fresh=3)
