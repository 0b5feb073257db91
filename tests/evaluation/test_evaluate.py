"""Whatever a measure does, it gets a row for it, and the others get theirs."""

import dataclasses
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from harness.calling.handed_out import seed_of
from harness.errors import HarnessError
from harness.evaluation.evaluate import evaluate
from harness.evaluation.measure_lookup import find_measures
from harness.evaluation.rows import Row
from harness.settings import Settings, make_settings
from harness.store.store import Store, StoredModel
from harness.training.recipe import Recipe
from harness.training.train import train
from harness.workers.retrying import run_retrying
from harness.zoo.build import build
from harness.zoo.zoo import recipes
from measures import Measure
from tests import ROOT
from tests.conftest import TINY

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_registry")]

FILE = ROOT / "tests" / "builders" / "misbehaving_measures.py"
RECIPES = recipes(TINY, ["random_labels"])[8:12]  # randomized and natural


@pytest.fixture
def settings(shared_cache: Path) -> Settings:
    return make_settings(cache_dir=str(shared_cache), workers=2, measure_timeout=60)


@pytest.fixture
def models(settings: Settings) -> dict[Recipe, StoredModel]:
    return build(RECIPES, settings, progress=False)


def some(*names: str) -> list[Measure]:
    return find_measures([f"{FILE}::{name}" for name in names])


def reasons(
    name: str, models: dict[Recipe, StoredModel], settings: Settings, repeated: bool = True
) -> set[tuple[str, str]]:
    """Statuses and reasons of the rows of a misbehaving measure, after checking that a well-behaved one has its own."""
    found = evaluate(some(name, "well_behaved"), models, RECIPES if repeated else [], settings, progress=False)
    assert {found["well_behaved", recipe].value for recipe in RECIPES} == {
        models[recipe].outcome.epochs for recipe in RECIPES
    }
    return {(found[name, recipe].status, found[name, recipe].reason) for recipe in RECIPES}


REASONS = {
    "raises": "it raised ValueError: something in it broke",
    "exits": "it raised SystemExit: 2",
    "returns_nan": "it returned nan; return a finite float, or raise NotApplicable",
    "returns_infinity": "it returned inf; return a finite float",
    "returns_none": "it returned None, a NoneType; a measure returns one float",
    "returns_ten_numbers": "it returned a tensor of shape (10,); a measure returns one number",
    "returns_a_string": "it returned 'large', a str; a measure returns one float",
    "differs_every_time": "it is not deterministic",
    "draws_from_torch": "it changed torch's global random state",
    "draws_from_numpy": "it changed numpy's global random state",
    "draws_from_python": "it changed Python's global random state",
    "changes_the_model": "it changed model's 1.weight",
    "changes_the_inputs": "it changed the inputs",
    "leaves_gradients": "it changed the gradient of model's 1.weight",
    "leaves_training_mode": "it changed the training mode of model",
    "leaves_a_hook": "it changed the hooks of model",
    "leaves_gradients_off": "it changed whether gradients are enabled",
    "draws_and_raises": "it changed torch's global random state; it raised ValueError: the real cause",
    "skips": "it raised Skipped: not today",
}


@pytest.mark.slow
def test_misbehaving_measures_are_errors_with_their_reasons_and_the_others_stand(
    models: dict[Recipe, StoredModel], settings: Settings
) -> None:
    """All of them on one model after the other in the same workers: what one leaves behind, the next would meet."""
    found = evaluate(some(*REASONS, "well_behaved"), models, RECIPES, settings, progress=False)
    for recipe in RECIPES:
        assert found["well_behaved", recipe].value == models[recipe].outcome.epochs
        for name, reason in REASONS.items():
            row = found[name, recipe]
            assert row.status == "error", (name, row)
            assert row.reason.startswith(reason), (name, row)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["raises", "leaves_gradients_off", "changes_the_model"])
def test_a_measure_that_misbehaves_alone_is_found_too(
    name: str, models: dict[Recipe, StoredModel], settings: Settings
) -> None:
    found = reasons(name, models, settings)
    assert {status for status, _ in found} == {"error"}
    assert all(text.startswith(REASONS[name]) for _, text in found), found


@pytest.mark.slow
def test_a_measure_that_raises_keeps_its_traceback(models: dict[Recipe, StoredModel], settings: Settings) -> None:
    found = evaluate(some("raises"), models, [], settings, progress=False)
    row = found["raises", RECIPES[0]]
    assert "misbehaving_measures.py" in row.reason
    assert 'raise ValueError("something in it broke")' in row.traceback


@pytest.mark.slow
def test_a_change_to_a_shared_quantity_is_found_once_it_is_shared(
    models: dict[Recipe, StoredModel], settings: Settings
) -> None:
    found = evaluate(some("changes_what_is_shared", "returns_a_scalar_tensor"), models, [], settings, progress=False)
    again = evaluate(some("returns_a_scalar_tensor"), models, [], settings, progress=False)
    for recipe in RECIPES:
        assert found["returns_a_scalar_tensor", recipe].value == again["returns_a_scalar_tensor", recipe].value


@pytest.mark.slow
def test_a_measure_that_hangs_on_one_model_is_a_timeout_on_that_row_alone(
    models: dict[Recipe, StoredModel], settings: Settings, tmp_path: Path
) -> None:
    seed = seed_of(Store(settings.cache_dir).load(RECIPES[1], settings.data_dir).init)
    text = f"""
        import time
        from measures import measure
        @measure(source="a test")
        def hangs_on_one_model(trained):
            time.sleep(600 if trained.seed == {seed} else 0)
            return 1.0
    """
    (tmp_path / "mine.py").write_text(textwrap.dedent(text))
    rows = evaluate(
        find_measures([f"{tmp_path}/mine.py"]), models, [], dataclasses.replace(settings, measure_timeout=4.0)
    )
    found = {(row.status, row.reason) for row in rows.values()}
    reason = f"no value for {RECIPES[1].id} within 4 s (--measure-timeout)"
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
    name: str, status: str, happens: str, models: dict[Recipe, StoredModel], settings: Settings
) -> None:
    found = reasons(name, models, dataclasses.replace(settings, measure_timeout=1.0, workers=1))
    assert {found_status for found_status, _ in found} == {status} and all(happens in text for _, text in found)
    assert sum(text.startswith("not evaluated: ") for _, text in found) == len(RECIPES) - 3 == 1


@pytest.mark.slow
def test_a_measure_that_ends_its_process_was_tried_three_times(
    models: dict[Recipe, StoredModel], settings: Settings
) -> None:
    found = reasons("kills_its_process", models, settings)
    assert all("it ended its process 3 times" in text for _, text in found)


@pytest.mark.long
@pytest.mark.slow
def test_each_of_two_calls_has_the_time_limit_to_itself(models: dict[Recipe, StoredModel], settings: Settings) -> None:
    assert {status for status, _ in reasons("takes_most_of_its_time", models, tight(settings))} == {"value"}


def tight(settings: Settings) -> Settings:
    return dataclasses.replace(settings, measure_timeout=2.0)


@pytest.mark.slow
def test_a_retrained_network_is_the_callers_own(models: dict[Recipe, StoredModel], settings: Settings) -> None:
    assert {status for status, _ in reasons("spoils_the_retrained_network", models, settings)} == {"value"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("os._exit(7)", "cannot be imported: its process ended with exit status 7"),
        ("torch.set_default_dtype(torch.float64)", "changes torch's default dtype from torch.float32 to torch.float64"),
        ("import no_such_module", "cannot be imported: ModuleNotFoundError: No module named 'no_such_module' at .*:2"),
    ],
)
def test_a_file_that_cannot_be_imported_costs_its_own_measures_alone(
    line: str, reason: str, models: dict[Recipe, StoredModel], settings: Settings, tmp_path: Path
) -> None:
    text = f"""import os, torch; from measures import measure
{line}
@measure(source="a test")
def not_to_be_had(trained):
    return 1.0
"""
    (tmp_path / "mine.py").write_text(text)
    measures = find_measures([f"{tmp_path}/mine.py::not_to_be_had", f"{FILE}::well_behaved"])
    found = evaluate(measures, models, [], settings, progress=False)
    for recipe in RECIPES:
        assert found["not_to_be_had", recipe].status == "error"
        assert re.search(reason, found["not_to_be_had", recipe].reason)
        assert found["well_behaved", recipe].value == models[recipe].outcome.epochs
    with pytest.raises(HarnessError, match=reason):
        find_measures([f"{tmp_path}/mine.py::not_to_be_had"])


@pytest.mark.slow
def test_a_measure_that_is_edited_while_it_is_evaluated_is_refused(
    models: dict[Recipe, StoredModel], settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "from measures import measure\n\n\n@measure(source='a test')\ndef mine(trained):\n    {}\n"
    (tmp_path / "mine.py").write_text(text.format("return 1.0"))
    measures = find_measures([f"{tmp_path}/mine.py"])

    def edited(*arguments: Any) -> Any:
        (tmp_path / "mine.py").write_text(text.format("return 2.0"))
        return run_retrying(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("harness.evaluation.evaluate.run_retrying", edited)
        with pytest.raises(HarnessError, match=r"mine\.py is not what it was when the run was started"):
            evaluate(measures, models, [], settings, progress=False)
    (tmp_path / "mine.py").write_text(text.format("return 1.0"))
    found = evaluate(measures, models, [], settings, progress=False)
    assert {row.value for row in found.values()} == {1.0}


@pytest.mark.slow
def test_where_rows_cannot_be_kept_they_serve_the_run_and_it_is_said_once(
    models: dict[Recipe, StoredModel], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, row: Row) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("harness.evaluation.rows.RowCache.append", full)
    said: list[str] = []
    found = evaluate(some("raises", "exits"), models, [], settings, said.append, progress=False)
    assert len(found) == 2 * len(RECIPES)
    assert len(said) == 1
    assert "rows cannot be kept" in said[0]


@pytest.mark.slow
def test_a_model_that_was_altered_is_set_aside_trained_again_and_evaluated(
    models: dict[Recipe, StoredModel], settings: Settings, tmp_path: Path
) -> None:
    own, store = dataclasses.replace(settings, cache_dir=tmp_path), Store(tmp_path)
    store.publish(RECIPES[0], *train(RECIPES[0], tmp_path))
    weights = store.folder(RECIPES[0]) / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-3] ^= 1
    weights.write_bytes(content)
    found = build(RECIPES[:1], own, progress=False)
    said: list[str] = []
    rows = evaluate(some("well_behaved"), found, [], own, said.append, progress=False)
    known = evaluate(some("well_behaved"), {RECIPES[0]: models[RECIPES[0]]}, [], settings, progress=False)
    assert rows["well_behaved", RECIPES[0]].value == known["well_behaved", RECIPES[0]].value
    (sentence,) = said
    assert "was altered" in sentence and "set aside as" in sentence and "trained again" in sentence
    assert found[RECIPES[0]] == store.verify(RECIPES[0])
    assert len(list(store.quarantine.iterdir())) == 1


@pytest.mark.slow
def test_a_model_whose_bytes_are_right_is_never_set_aside_and_costs_its_own_rows_alone(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, store = dataclasses.replace(settings, cache_dir=tmp_path), Store(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("harness.store.stored_model.digest_tensors", lambda *tensors: "0" * 64)
        store.publish(RECIPES[0], *train(RECIPES[0], tmp_path))
    found = build(RECIPES[:2], own, progress=False)
    rows = evaluate(some("well_behaved", "returns_none"), found, [], own, progress=False)
    for name in ("well_behaved", "returns_none"):
        row = rows[name, RECIPES[0]]
        assert row.status == "error" and row.reason.endswith("was trained on other data than digits gives now")
    assert rows["well_behaved", RECIPES[1]].value == found[RECIPES[1]].outcome.epochs
    assert not store.quarantine.exists() and store.verify(RECIPES[0]) == found[RECIPES[0]]


@pytest.mark.slow
def test_a_measure_that_never_applies_says_why(models: dict[Recipe, StoredModel], settings: Settings) -> None:
    assert reasons("never_applies", models, settings) == {("not_applicable", "it never does")}


def test_a_scalar_tensor_is_a_number(models: dict[Recipe, StoredModel], settings: Settings) -> None:
    assert {status for status, _ in reasons("returns_a_scalar_tensor", models, settings)} == {"value"}


def test_rows_that_hold_are_not_computed_again(
    models: dict[Recipe, StoredModel], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = evaluate(some("well_behaved"), models, [], settings, progress=False)

    def refuse(*arguments: object) -> None:
        raise AssertionError("a worker was asked")

    monkeypatch.setattr("harness.workers.pool._start", refuse)
    assert evaluate(some("well_behaved"), models, [], settings, progress=False) == first


@pytest.mark.slow
def test_a_measure_whose_source_changed_is_computed_again(
    models: dict[Recipe, StoredModel], settings: Settings, tmp_path: Path
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
        measures = find_measures([f"{tmp_path}/{name}/mine.py::edited"])
        rows = evaluate(measures, models, [], settings, progress=False)
        return {row.value for row in rows.values()}

    assert values(1.0, "before") == {1.0}
    assert values(2.0, "after") == {2.0}


@pytest.mark.slow
def test_altered_rows_are_said_and_computed_again(models: dict[Recipe, StoredModel], settings: Settings) -> None:
    first = evaluate(some("well_behaved"), models, [], settings, progress=False)
    path = settings.cache_dir / "rows" / "well_behaved.jsonl"
    intact = path.read_text()
    path.write_text(intact.replace('"value":', '"value":1', 1))
    said: list[str] = []
    again = evaluate(some("well_behaved"), models, [], settings, said.append, progress=False)
    path.write_text(intact)
    assert {key: row.value for key, row in again.items()} == {key: row.value for key, row in first.items()}
    assert len(said) == 1
    assert "1 cached rows" in said[0]


def test_every_row_says_which_weights_it_is_about(models: dict[Recipe, StoredModel], settings: Settings) -> None:
    rows: list[Row] = list(evaluate(some("well_behaved"), models, [], settings, progress=False).values())
    assert {row.weights_sha256 for row in rows} == {model.weights_sha256 for model in models.values()}
