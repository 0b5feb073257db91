"""No attack learns whether a model is natural or randomized, and each would without the sealing."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from harness.evaluation.rows import Row
from harness.store.store import store_of
from harness.training.recipe import Recipe
from measures import NotApplicable
from measures.trained_model import TrainedModel
from tests.red_team.conftest import (
    NEIGHBOURS,
    Field,
    is_random,
    names_in,
    never_read,
    tells_nothing,
    values_of,
    weights_of,
)

pytestmark = pytest.mark.slow

Rows = dict[tuple[str, Recipe], Row]
READERS = ("data", "files")
SEARCHERS = ("heap", "seeds", "steps")
NOT_CLOSED = {"labels_drawn_in_another_order"}


@pytest.fixture(scope="module")
def alone(field: Field) -> Rows:
    return field.run()


@pytest.fixture(scope="module")
def learners(field: Field) -> Rows:
    return field.run(*READERS, *SEARCHERS)


@pytest.fixture(scope="module")
def counters(field: Field) -> Rows:
    return field.run("counters", "leftovers", repeated=True)


@pytest.fixture
def loaded(field: Field, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """A file of attacks in this process, where nothing is sealed."""
    monkeypatch.setattr(sys, "path", [str(field.folder), *sys.path])
    before = {*sys.modules}
    yield importlib.import_module
    for name in {*sys.modules} - before:
        if str(field.folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_no_attack_learns_the_answer(learners: Rows) -> None:
    told = {
        name: values_of(learners, name).values() for name in names_in(learners) if not tells_nothing(learners, name)
    }
    assert told.keys() - NOT_CLOSED == set(), told


def test_no_file_of_answers_or_data_is_read(learners: Rows, loaded: Callable[[str], ModuleType]) -> None:
    for file in READERS:
        for name in measures_of(loaded(file)).keys() - {"times_of_the_store"}:
            found = [row for (measure, _), row in learners.items() if measure == name]
            assert found and all(row.status == "not_applicable" and "refused" in row.reason for row in found), found[0]


def test_a_cache_in_a_folder_that_imports_are_looked_for_in_is_no_more_open_than_others(
    field: Field, shared_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a run is started in the folder that the cache is in."""
    for folder in (shared_cache.parent, shared_cache):
        monkeypatch.syspath_prepend(str(folder))
    attacks = ("entries_of_the_store", "rows_of_others", "sizes_at_guessed_paths")
    rows = field.evaluate([f"{field.folder}/data.py::{attack}" for attack in attacks])
    assert len(rows) == len(attacks) * len(field.models)
    assert all(row.status == "not_applicable" and "refused" in row.reason for row in rows.values()), rows


def test_every_call_is_the_first(counters: Rows) -> None:
    for name in set(names_in(counters)) - {"number_of_the_process", "clock"}:
        assert len({row.value for (measure, _), row in counters.items() if measure == name}) == 1, name
        assert tells_nothing(counters, name), name


@pytest.mark.parametrize("name", ["number_of_the_process", "clock"])
def test_what_grows_from_call_to_call_is_not_deterministic(name: str, counters: Rows) -> None:
    found = [row for (measure, _), row in counters.items() if measure == name]
    assert all(row.status == "error" and "not deterministic" in row.reason for row in found)


def test_neighbours_have_the_values_that_they_have_alone(alone: Rows, learners: Rows, counters: Rows) -> None:
    expected = values_of(alone, *NEIGHBOURS)
    assert None not in expected.values()
    assert values_of(learners, *NEIGHBOURS) == expected
    assert values_of(counters, *NEIGHBOURS) == expected


@pytest.mark.xfail(strict=True, reason="a zoo's few seeds can be tried: fresh seeds answer it, sealing cannot")
def test_labels_are_not_drawn_again(learners: Rows) -> None:
    assert all(tells_nothing(learners, name) for name in NOT_CLOSED)


UNSEALED = {
    "files": ["opened", "through_a_link", "through_proc_self_root", "by_openat2", "by_libc", "mapped", "by_a_child"],
    "files and links": ["through_a_hard_link", "moved_here", "by_another_program", "beside_its_own_source"],
    "data": ["exact_digits", "nearest_digits", "digits_of_a_test", "entries_of_the_store", "sizes_at_guessed_paths"],
    "heap": ["closure_of_retrain", "stack_frames", "inspected_stack", "frames_of_a_traceback"],
    "seeds": ["seed_draws_the_labels", "small_seeds_draw_the_labels"],
}


@pytest.mark.parametrize(("file", "name"), [(file, name) for file, names in UNSEALED.items() for name in names])
def test_the_attack_works_where_nothing_is_sealed(
    file: str, name: str, field: Field, loaded: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    """So that the tests above can fail."""
    monkeypatch.chdir(tmp_path)
    function = measures_of(loaded(file.split()[0]))[name]
    for recipe in field.models:
        trained = store_of(field.settings).load(recipe, field.settings.data_dir)
        assert called_by_who_knows(function, trained, recipe) == is_random(recipe)


def called_by_who_knows(function: Callable[[TrainedModel], float], trained: TrainedModel, job: Recipe) -> float:
    """As a worker would: the recipe is a local variable, and a global one of this module."""
    globals()["current_job"] = job
    try:
        return function(trained)
    except NotApplicable as reason:
        pytest.fail(str(reason))
    finally:
        del globals()["current_job"]


def test_calls_are_counted_where_nothing_is_sealed(
    loaded: Callable[[str], ModuleType], field: Field, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    counters = measures_of(loaded("counters"))
    for name in ("global_of_the_module", "attribute_of_a_module", "file_in_its_folder", "times_of_its_source"):
        one, other = (counters[name](None) for _ in range(2))  # type: ignore[arg-type]
        assert other == one + 1, name


def test_which_model_was_read_last_is_not_seen(
    field: Field, shared_cache: Path, loaded: Callable[[str], ModuleType]
) -> None:
    never_read([weights_of(recipe, shared_cache) for recipe in field.models])
    rows = field.evaluate([f"{field.folder}/data.py::times_of_the_store"])
    assert {row.status for row in rows.values()} == {"value"}
    assert tells_nothing(rows, "times_of_the_store")
    function = measures_of(loaded("data"))["times_of_the_store"]
    told = set()
    for recipe in field.models:
        trained = store_of(field.settings).load(recipe, field.settings.data_dir)
        weights_of(recipe, shared_cache).read_bytes()  # as it was read before
        told.add(function(trained) == is_random(recipe))
    if told != {True}:
        pytest.skip("this file system does not keep times of access")


def measures_of(module: ModuleType) -> dict[str, Callable[[TrainedModel], float]]:
    """The functions of a file's measures, by name."""
    return {name: found.function for name, found in vars(module).items() if type(found).__name__ == "Measure"}
