"""No attack changes, ends or asks anything outside its own process, and none makes its neighbours' values others."""

import dataclasses
import os
import select
import time
from pathlib import Path

import psutil
import pytest

from harness.calling.sealed_measure import SealedFunction, end_host
from harness.errors import HarnessError
from harness.evaluation.measure_lookup import find_measures
from harness.evaluation.measure_reference import sealed
from harness.evaluation.rows import Row
from harness.store.store import store_of
from harness.training.recipe import Recipe
from tests.red_team.conftest import NEIGHBOURS, Field, names_in, tells_nothing, values_of

pytestmark = pytest.mark.slow

Rows = dict[tuple[str, Recipe], Row]
WORTH = 1e6
"""What a forged answer says that the measure's value is."""

ENDED = ("no_number", "endless_seconds", "nested_deeply", "too_large", "garbage", "pickled", "asks_for_nonsense")
ENDED += ("not_even_a_number", "an_index", "item_of_a_tensor", "complex_number", "error_that_is_no_number")
ENDED += ("error_that_is_gone", "error_that_is_raised", "leaves_by_the_door", "interrupts", "raises_a_ring")
ENDED += ("whole_number", "two_values", "fields_of_the_judge", "numbers_of_another_kind", "changes_of_another_kind")
ENDED += ("ends_its_process", "closes_everything", "raises_what_raises", "raises_escapes")


@pytest.fixture(scope="module")
def harmful(field: Field) -> Rows:
    before = field.answers.read_bytes()
    rows = field.run("kernel", "network", "outside", repeated=True)
    assert field.answers.read_bytes() == before
    return rows


@pytest.fixture(scope="module")
def forged(field: Field) -> Rows:
    return field.run("answers", "forgeries", "patches")


@pytest.fixture(scope="module")
def alone(field: Field) -> Rows:
    return field.run()


def test_nothing_outside_can_be_changed_ended_or_asked(harmful: Rows) -> None:
    for name in names_in(harmful):
        found = [row for (measure, _), row in harmful.items() if measure == name]
        assert all(row.status == "not_applicable" and "refused" in row.reason for row in found), (name, found[0])


def test_no_listener_has_heard_anything(harmful: Rows, listeners: dict[str, object]) -> None:
    heard, _, _ = select.select(listeners["sockets"], [], [], 0)  # type: ignore[call-overload]
    assert heard == []


def test_an_answer_that_is_none_is_an_error(forged: Rows) -> None:
    for name in ENDED:
        found = [row for (measure, _), row in forged.items() if measure == name]
        assert found and all(row.status == "error" and row.value is None for row in found), name


def test_the_first_answer_stands(forged: Rows) -> None:
    for name in ("answers_twice", "leaves_a_child_with_the_pipe", "prints_a_verdict"):
        assert {row.value for (measure, _), row in forged.items() if measure == name} == {1.0}, name
    assert WORTH not in {row.value for row in forged.values()}


def test_what_is_changed_in_the_process_ends_with_it(forged: Rows) -> None:
    assert all(tells_nothing(forged, name) for name in names_in(forged))
    changed = ("modes_are_left_on", "normalization_has_another_eps", "forward_is_replaced", "modules_are_replaced")
    for name in changed:
        found = [row for (measure, _), row in forged.items() if measure == name]
        assert all(row.status == "error" and row.reason.startswith("it changed ") for row in found), name


def test_neighbours_have_the_values_that_they_have_alone(alone: Rows, harmful: Rows, forged: Rows) -> None:
    expected = values_of(alone, *NEIGHBOURS)
    assert values_of(harmful, *NEIGHBOURS) == expected
    assert values_of(forged, *NEIGHBOURS) == expected


def test_a_terminal_gets_no_command_from_a_measure(field: Field, forged: Rows) -> None:
    said = "\n".join(field.said)
    assert "PASSED prints_a_verdict" in said
    assert "prints_a_verdict printed, on the first model that it was called on:" in said
    texts = [said, *(row.reason + row.traceback for row in forged.values())]
    assert [text for text in texts if "\x1b" in text or "\x07" in text] == []


def test_a_file_that_changes_the_judge_changes_it_in_its_own_process_only(field: Field) -> None:
    import harness.judging.twin_statistics as twin_statistics

    before = dict(vars(twin_statistics))
    assert {measure.name for measure in find_measures([f"{field.folder}/patches.py"])} > {"significance_is_over_one"}
    assert dict(vars(twin_statistics)) == before


def processes_left(since: set[int]) -> list[psutil.Process]:
    """Hosts and processes of measures, of this process or nobody's, that were not there before."""
    ours = psutil.Process().children(recursive=True)
    nobodys = [process for process in psutil.process_iter(["ppid"]) if process.info["ppid"] == 1]
    return [process for process in (*ours, *nobodys) if process.pid not in since and is_of_a_measure(process)]


def is_of_a_measure(process: psutil.Process) -> bool:
    try:
        return Path(process.cwd()).name.startswith("measure-") and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def test_nothing_that_a_call_has_started_outlives_it(field: Field) -> None:
    trained = store_of(field.settings).load(next(iter(field.models)), field.settings.data_dir)
    end_host()
    before = {process.pid for process in psutil.process_iter()}
    specs = [
        f"{field.folder}/answers.py::leaves_a_child_with_the_pipe",
        f"{field.folder}/counters.py::process_that_stays",
    ]
    for measure in find_measures(specs):
        function = sealed(measure).function
        assert isinstance(function, SealedFunction)
        assert function(trained) == 1.0
    (host,) = processes_left(before)
    assert host.children() == []


def test_whoever_waits_for_a_measure_is_not_kept_waiting(field: Field) -> None:
    """The worker is ended when the time is over; its host, and the measure's process, end with it."""
    before = {process.pid for process in psutil.process_iter()}
    names = ("never_answers", "begins_an_answer", "asks_and_does_not_listen")
    two = dataclasses.replace(field, models=dict([*field.models.items()][:2]))
    rows = two.evaluate([f"{field.folder}/patience.py::{name}" for name in names], measure_timeout=1.0)
    assert {name for name, _ in rows} == set(names)
    assert {row.status for row in rows.values()} == {"timeout"}
    end_host()  # of this process, in which the measure was declared
    deadline = time.monotonic() + 20
    while processes_left(before) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_left(before) == []


@pytest.mark.parametrize("name", ["takes_memory", "takes_memory_in_a_child"])
def test_memory_is_limited_also_where_a_child_takes_it(name: str, field: Field) -> None:
    rows = field.evaluate([f"{field.folder}/patience.py::{name}"], worker_memory=10**9)
    assert {row.status for row in rows.values()} == {"error"}
    assert all("above --worker-memory" in row.reason for row in rows.values())


def test_a_call_that_is_no_value_is_one_sentence(field: Field) -> None:
    trained = store_of(field.settings).load(next(iter(field.models)), field.settings.data_dir)
    (measure,) = find_measures([f"{field.folder}/answers.py::ends_its_process"])
    with pytest.raises(HarnessError, match="it ended its process 3 times: its process ended with exit status 0"):
        sealed(measure).function(trained)
    assert not os.path.exists("/tmp/red-team-was-here")
