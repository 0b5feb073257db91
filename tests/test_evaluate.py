"""Whatever a measure does, it gets a row for it, and the others get theirs."""

import dataclasses
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from harness import source_digest
from harness.build import build
from harness.errors import HarnessError
from harness.evaluate import as_number, evaluate
from harness.measure_lookup import find_measures
from harness.recipe import Recipe
from harness.rows import Row
from harness.settings import Settings, make_settings
from harness.store import Entry, Store
from harness.train import train
from harness.zoo import recipes
from measures import Measure
from tests.conftest import TINY

pytestmark = pytest.mark.usefixtures("own_registry")

FILE = Path(__file__).parent / "misbehaving.py"
RECIPES = recipes(TINY, ["random_labels"])[8:12]  # randomized and natural


@pytest.fixture
def settings(shared_cache: Path) -> Settings:
    return make_settings(cache_dir=str(shared_cache), workers=2, measure_timeout=60)


@pytest.fixture
def entries(settings: Settings) -> dict[Recipe, Entry]:
    return build(RECIPES, settings, progress=False)


def some(*names: str) -> list[Measure]:
    return find_measures([f"{FILE}::{name}" for name in names])


def reasons(name: str, entries: dict[Recipe, Entry], settings: Settings, repeated: bool = True) -> set[tuple[str, str]]:
    """Statuses and reasons of the rows of a misbehaving measure, after checking that a well-behaved one has its own."""
    found = evaluate(some(name, "well_behaved"), entries, RECIPES if repeated else [], settings, progress=False)
    assert {found["well_behaved", recipe].value for recipe in RECIPES} == {
        entries[recipe].outcome.steps for recipe in RECIPES
    }
    return {(found[name, recipe].status, found[name, recipe].reason) for recipe in RECIPES}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("raises", "it raised ValueError: something in it broke"),
        ("exits", "it raised SystemExit: 2"),
        ("returns_nan", "it returned nan; return a finite float, or raise NotApplicable"),
        ("returns_infinity", "it returned inf; return a finite float"),
        ("returns_none", "it returned None, a NoneType; a measure returns one float"),
        ("returns_ten_numbers", "it returned a tensor of shape (10,); a measure returns one number"),
        ("returns_a_string", "it returned 'large', a str; a measure returns one float"),
        ("differs_every_time", "it is not deterministic"),
        ("draws_from_torch", "it changed torch's global random state"),
        ("draws_from_numpy", "it changed numpy's global random state"),
        ("draws_from_python", "it changed Python's global random state"),
        ("changes_the_model", "it changed model's 1.weight"),
        ("changes_the_inputs", "it changed the inputs"),
        ("leaves_gradients", "it changed the gradient of model's 1.weight"),
        ("leaves_training_mode", "it changed the training mode of model"),
        ("leaves_a_hook", "it changed the hooks of model"),
        ("leaves_gradients_off", "it changed whether gradients are enabled"),
        ("draws_and_raises", "it changed torch's global random state; it raised ValueError: the real cause"),
        ("skips", "it raised Skipped: not today"),
    ],
)
def test_a_misbehaving_measure_is_an_error_with_its_reason_and_the_others_stand(
    name: str, reason: str, entries: dict[Recipe, Entry], settings: Settings
) -> None:
    found = reasons(name, entries, settings)
    assert {status for status, _ in found} == {"error"}
    assert all(text.startswith(reason) for _, text in found), found


def test_a_measure_that_raises_keeps_its_traceback(entries: dict[Recipe, Entry], settings: Settings) -> None:
    found = evaluate(some("raises"), entries, [], settings, progress=False)
    row = found["raises", RECIPES[0]]
    assert "misbehaving.py" in row.reason
    assert 'raise ValueError("something in it broke")' in row.traceback


def test_a_change_to_a_shared_quantity_is_found_once_it_is_shared(
    entries: dict[Recipe, Entry], settings: Settings
) -> None:
    found = evaluate(some("changes_what_is_shared", "returns_a_scalar_tensor"), entries, [], settings, progress=False)
    again = evaluate(some("returns_a_scalar_tensor"), entries, [], settings, progress=False)
    for recipe in RECIPES:
        assert found["returns_a_scalar_tensor", recipe].value == again["returns_a_scalar_tensor", recipe].value


def test_a_measure_that_hangs_on_one_model_is_a_timeout_on_that_row_alone(
    entries: dict[Recipe, Entry], settings: Settings
) -> None:
    found = reasons("hangs_on_one_model", entries, dataclasses.replace(settings, measure_timeout=1.0))
    reason = f"no value for {RECIPES[1].id} within 1 s (--measure-timeout)"
    assert found == {("value", ""), ("timeout", reason)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "status", "happens"),
    [
        ("hangs", "timeout", "within 1 s (--measure-timeout)"),
        ("kills_its_process", "error", "its process was ended by SIGKILL"),
    ],
)
def test_a_measure_that_is_lost_on_three_models_is_not_tried_on_the_others(
    name: str, status: str, happens: str, entries: dict[Recipe, Entry], settings: Settings
) -> None:
    found = reasons(name, entries, dataclasses.replace(settings, measure_timeout=1.0, workers=1))
    assert {each for each, _ in found} == {status} and all(happens in text for _, text in found)
    assert sum(text.startswith("not evaluated: ") for _, text in found) == len(RECIPES) - 3 == 1


@pytest.mark.slow
def test_a_measure_that_ends_its_process_was_tried_three_times(
    entries: dict[Recipe, Entry], settings: Settings
) -> None:
    found = reasons("kills_its_process", entries, settings)
    assert all("it ended its process 3 times" in text for _, text in found)


@pytest.mark.slow
def test_each_of_two_calls_has_the_time_limit_to_itself(entries: dict[Recipe, Entry], settings: Settings) -> None:
    assert {status for status, _ in reasons("takes_most_of_its_time", entries, tight(settings))} == {"value"}


def tight(settings: Settings) -> Settings:
    return dataclasses.replace(settings, measure_timeout=2.0)


def test_a_retrained_network_is_the_callers_own(entries: dict[Recipe, Entry], settings: Settings) -> None:
    assert {status for status, _ in reasons("spoils_the_retrained_network", entries, settings)} == {"value"}


def test_a_file_that_ends_its_process_when_imported_is_that_measures_error(
    entries: dict[Recipe, Entry], settings: Settings, tmp_path: Path
) -> None:
    text = """
        import multiprocessing, os
        from measures import measure
        if multiprocessing.parent_process() is not None:
            os._exit(7)

        @measure(source="a test")
        def ends_workers(trained):
            return 1.0
    """
    (tmp_path / "mine.py").write_text(textwrap.dedent(text))
    measures = [*find_measures([f"{tmp_path}/mine.py"]), *some("well_behaved")]
    found = evaluate(measures, entries, [], settings, progress=False)
    assert {found["ends_workers", recipe].status for recipe in RECIPES} == {"error"}
    assert {found["well_behaved", recipe].status for recipe in RECIPES} == {"value"}


@pytest.mark.slow
def test_a_measure_that_is_edited_while_it_is_evaluated_is_refused(
    entries: dict[Recipe, Entry], settings: Settings, tmp_path: Path
) -> None:
    text = "from measures import measure\n\n\n@measure(source='a test')\ndef mine(trained):\n    {}\n"
    (tmp_path / "mine.py").write_text(text.format("return 1.0"))
    measures = find_measures([f"{tmp_path}/mine.py"])
    assert source_digest.source_digest(tmp_path / "mine.py")  # as a run takes it when it starts
    (tmp_path / "mine.py").write_text(text.format("return 2.0"))
    with pytest.raises(HarnessError, match=r"mine\.py is not what it was when the run was started"):
        evaluate(measures, entries, [], settings, progress=False)
    (tmp_path / "mine.py").write_text(text.format("return 1.0"))
    found = evaluate(measures, entries, [], settings, progress=False)
    assert {row.value for row in found.values()} == {1.0}


def test_where_rows_cannot_be_kept_they_serve_the_run_and_it_is_said_once(
    entries: dict[Recipe, Entry], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, row: Row) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("harness.rows.RowCache.append", full)
    said: list[str] = []
    found = evaluate(some("raises", "exits"), entries, [], settings, said.append, progress=False)
    assert len(found) == 2 * len(RECIPES)
    assert len(said) == 1
    assert "rows cannot be kept" in said[0]


@pytest.mark.parametrize("damage", ["data", "weights"])
def test_a_model_that_is_not_what_it_says_is_set_aside_trained_again_and_evaluated(
    damage: str,
    entries: dict[Recipe, Entry],
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own, store = dataclasses.replace(settings, cache_dir=tmp_path), Store(tmp_path)
    with monkeypatch.context() as patch:
        if damage == "data":
            patch.setattr("harness.entry.digest_tensors", lambda *tensors: "0" * 64)
        store.publish(RECIPES[0], *train(RECIPES[0], tmp_path))
    if damage == "weights":
        weights = store.folder(RECIPES[0]) / "model.safetensors"
        content = bytearray(weights.read_bytes())
        content[-3] ^= 1
        weights.write_bytes(content)
    found = build(RECIPES[:1], own, progress=False)
    said: list[str] = []
    rows = evaluate(some("well_behaved"), found, [], own, said.append, progress=False)
    known = evaluate(some("well_behaved"), {RECIPES[0]: entries[RECIPES[0]]}, [], settings, progress=False)
    assert rows["well_behaved", RECIPES[0]].value == known["well_behaved", RECIPES[0]].value
    (sentence,) = said
    assert {"data": "trained on other data", "weights": "was altered"}[damage] in sentence
    assert "set aside as" in sentence and "trained again" in sentence
    assert found[RECIPES[0]] == store.verify(RECIPES[0])
    assert len(list(store.quarantine.iterdir())) == 1


def test_a_measure_that_never_applies_says_why(entries: dict[Recipe, Entry], settings: Settings) -> None:
    assert reasons("never_applies", entries, settings) == {("not_applicable", "it never does")}


def test_a_scalar_tensor_is_a_number(entries: dict[Recipe, Entry], settings: Settings) -> None:
    assert {status for status, _ in reasons("returns_a_scalar_tensor", entries, settings)} == {"value"}


def test_rows_that_hold_are_not_computed_again(
    entries: dict[Recipe, Entry], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = evaluate(some("well_behaved"), entries, [], settings, progress=False)

    def refuse(*arguments: object) -> None:
        raise AssertionError("a worker was asked")

    monkeypatch.setattr("harness.workers._start", refuse)
    assert evaluate(some("well_behaved"), entries, [], settings, progress=False) == first


def test_a_measure_whose_source_changed_is_computed_again(
    entries: dict[Recipe, Entry], settings: Settings, tmp_path: Path
) -> None:
    def values(constant: float, name: str) -> set[float | None]:
        text = f"""
            from measures import measure
            @measure(source="a test")
            def edited(trained):
                return {constant}
        """
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(textwrap.dedent(text))
        source_digest._content_sha256.cache_clear()
        measures = find_measures([f"{tmp_path}/{name}/mine.py::edited"])
        rows = evaluate(measures, entries, [], settings, progress=False)
        find_measures_forget("edited")
        return {row.value for row in rows.values()}

    assert values(1.0, "before") == {1.0}
    assert values(2.0, "after") == {2.0}


def find_measures_forget(name: str) -> None:
    from measures._registry import registered

    del registered[name]


def test_altered_rows_are_said_and_computed_again(entries: dict[Recipe, Entry], settings: Settings) -> None:
    first = evaluate(some("well_behaved"), entries, [], settings, progress=False)
    path = settings.cache_dir / "rows" / "well_behaved.jsonl"
    intact = path.read_text()
    path.write_text(intact.replace('"value":', '"value":1', 1))
    said: list[str] = []
    again = evaluate(some("well_behaved"), entries, [], settings, said.append, progress=False)
    path.write_text(intact)
    assert {key: row.value for key, row in again.items()} == {key: row.value for key, row in first.items()}
    assert len(said) == 1
    assert "1 cached rows" in said[0]


@pytest.mark.parametrize(
    ("returned", "value"),
    [(1, 1.0), (2.5, 2.5), (np.float32(0.5), 0.5), (torch.tensor([3.0]), 3.0), (np.array(4.0), 4.0)],
)
def test_one_number_of_any_kind_is_a_float(returned: object, value: float) -> None:
    assert as_number(returned) == (value, "")


@pytest.mark.parametrize("returned", [True, 1j, [1.0], 10**400, torch.zeros(0), np.zeros(3)])
def test_what_is_not_one_finite_number_is_not(returned: object) -> None:
    value, problem = as_number(returned)
    assert value is None
    assert problem


def test_every_row_says_which_weights_it_is_about(entries: dict[Recipe, Entry], settings: Settings) -> None:
    rows: list[Row] = list(evaluate(some("well_behaved"), entries, [], settings, progress=False).values())
    assert {row.weights_sha256 for row in rows} == {entry.weights_sha256 for entry in entries.values()}
