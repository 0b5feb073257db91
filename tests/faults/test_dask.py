"""Several machines: the same models and verdicts as on one, whatever is killed on the way."""

import dataclasses
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed")

import distributed

from harness.errors import HarnessError
from harness.evaluation.evaluate import evaluate
from harness.evaluation.measure_lookup import find_measures
from harness.settings import Settings
from harness.workers import dask_cluster
from harness.workers.executors import run_anywhere
from harness.workers.pool import Limits, warm_up
from harness.zoo.build import build
from tests.conftest import Run
from tests.faults.cluster import LocalCluster, in_a_job, kill
from tests.faults.conftest import RECIPES, ROOT, attempts, digests, family, litter, wait_until
from tests.faults.test_disks import needs_mounting
from tests.workers.test_executors import Act, act

pytestmark = pytest.mark.slow

ANEW = pytest.mark.long  # what it kills is started again, and imports everything again


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """Started once: what its processes import takes longest."""
    cluster = LocalCluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(shared_cluster: LocalCluster) -> LocalCluster:
    """Whole, whatever the test before has killed of it."""
    shared_cluster.repair()
    return shared_cluster


def once(call: Callable[[], None]) -> Callable[[object], None]:
    """Of a run's models, the first calls: others are being trained."""
    left = [call]
    return lambda recipe: left.pop()() if left else None


def on(cluster: LocalCluster, settings: Settings) -> Settings:
    return dataclasses.replace(settings, dask=str(cluster.file))


def test_a_cluster_trains_the_models_of_a_serial_run(
    cluster: LocalCluster, settings: Settings, undisturbed: dict[str, str]
) -> None:
    found = build(RECIPES, on(cluster, settings), progress=False)
    assert len(found) == len(RECIPES)
    assert digests(settings.cache_dir) == undisturbed
    assert litter(settings.cache_dir) == []


@pytest.mark.long
def test_what_becomes_of_a_job_is_the_same_on_a_cluster(cluster: LocalCluster, settings: Settings) -> None:
    there = on(cluster, settings)
    queue = [Act(text, there) for text in ("a", "raise", "die", "hang", "refuse", "b")]
    events = run_anywhere(act, lambda: queue.pop() if queue else None, there, Limits(silence=2))
    found = {event.job.text: (event.kind, event.payload) for event in events}
    assert (found["a"], found["b"]) == (("done", "A"), ("done", "B"))
    assert found["die"] == ("died", "its process was ended by SIGKILL")
    assert found["hang"][0] == "silent"
    assert found["refuse"] == ("refused", "a sentence")
    assert "ValueError: what it says" in found["raise"][1]


def in_a_process(function: Callable[..., None], *arguments: object) -> BaseProcess:
    """The function in a process that is forked from where workers are: it need not import torch again."""
    warm_up()
    process = multiprocessing.get_context("forkserver").Process(target=function, args=arguments)
    process.start()
    return process


def gate(run: Run, record: Path, *options: str) -> dict[str, object]:
    """The verdicts of three measures at the gate of the tiny zoo."""
    measures = "--measure=l2_norm,train_loss,parameter_count"
    result = run(measures, "-m", "gate", f"--leaderboard={record}", "-q", *options)
    assert result.ret == 1 and record.exists(), result.outlines  # two of the measures fail
    content = json.loads(record.read_text())
    verdicts = {
        (record["measure"], condition): {name: part for name, part in verdict.items() if "seconds" not in name}
        for record in content["entries"]
        for condition, verdict in record["suites"].items()
    }
    values = {part["measure"]: {model: row[0] for model, row in part["rows"].items()} for part in content["entries"]}
    assert len(verdicts) == 9, verdicts
    assert {len(by_model) for by_model in values.values()} == {40}
    return {"verdicts": verdicts, "values": values}


def write_values(measure: Path, settings: Settings, out: Path) -> None:
    """A run of its own: the values of the measure in the file on four models, more than there are workers."""
    models = build(RECIPES[:4], settings, progress=False)
    rows = evaluate(find_measures([str(measure)]), models, [], settings, progress=False)
    out.write_text(json.dumps([row.value for row in rows.values()]))


@pytest.mark.long
def test_a_measure_that_was_edited_has_its_new_values_on_a_cluster_that_goes_on(
    cluster: LocalCluster, settings: Settings, tmp_path: Path
) -> None:
    mine, there = tmp_path / "mine.py", on(cluster, settings)
    for value in (1.0, 2.0):
        mine.write_text(
            f"from measures import measure\n\n\n@measure(source='a test')\ndef mine(trained):\n    return {value}\n"
        )
        in_a_process(write_values, mine, there, tmp_path / "values.json").join()
        assert json.loads((tmp_path / "values.json").read_text()) == [value] * 4
        (tmp_path / "values.json").unlink()


@needs_mounting
def test_the_gate_on_machines_with_their_own_folders_gives_the_same_verdicts_and_models(
    cluster: LocalCluster, run: Run, shared_cache: Path, tmp_path: Path
) -> None:
    """The same as local processes give, in the cache folder that all tests of the tiny zoo share."""
    cache = cluster.unseen / "cache_of_the_run"
    there = gate(run, tmp_path / "there.json", f"--cache-dir={cache}", f"--dask={cluster.file}")
    here = gate(run, tmp_path / "here.json")
    assert there == here
    stored = digests(cache)
    assert stored.items() <= digests(shared_cache).items() and len(stored) == 40
    trained = [keys for folder in cluster.folder.glob("*/cache") if (keys := digests(folder).keys())]
    assert len(trained) == 2 and all(len(keys) >= 5 for keys in trained)
    assert trained[0] | trained[1] == stored.keys()


def test_workers_with_another_torch_are_refused(cluster: LocalCluster, tmp_path: Path, settings: Settings) -> None:
    other = tmp_path / "other" / "torch-1.0.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 1.0.9\n")
    old = cluster.start_worker("old", "--no-nanny", PYTHONPATH=f"{other.parent}:{ROOT}")
    try:
        assert wait_until(lambda: "Starting established connection" in cluster.log("old"))
        with pytest.raises(
            HarnessError, match=r"worker tcp://.* has torch 1\.0\.9, where the run was started \d"
        ) as found:
            build(RECIPES, on(cluster, settings), progress=False)
        assert "install the same on every machine" in str(found.value)
    finally:
        kill(old)
    assert digests(settings.cache_dir) == {}


def report_card(job: Act, report: Callable[[object], None]) -> str | None:
    """Which card this job's worker was given, and that no other job holds it meanwhile."""
    import time

    card = os.environ.get("CUDA_VISIBLE_DEVICES")
    held = job.settings.cache_dir / f"card{card}"
    descriptor = os.open(held, os.O_CREAT | os.O_EXCL)  # FileExistsError if two had it
    time.sleep(0.3)
    os.close(descriptor)
    held.unlink()
    return card


def set_gpus(cluster: LocalCluster, count: int) -> None:
    """So many of each worker that has had some."""

    async def on_worker(dask_worker: Any) -> None:
        if "GPU" in dask_worker.state.total_resources:
            await dask_worker.set_resources(GPU=count)

    with distributed.Client(scheduler_file=str(cluster.file), set_as_default=False) as client:
        client.wait_for_workers(3, timeout=60)
        client.run(on_worker)


def test_a_job_on_a_gpu_has_one_slot_and_its_card_to_itself(cluster: LocalCluster, settings: Settings) -> None:
    """Two workers with a card each, and one without: `--device cuda` uses the first. (No GPU is needed for slots.)"""
    there = dataclasses.replace(on(cluster, settings), device="cuda")
    without = cluster.start_worker("without_card", "--no-nanny")
    try:
        assert wait_until(lambda: "Starting established" in cluster.log("without_card"))
        set_gpus(cluster, 0)
        queue = [Act(f"{number}", there) for number in range(8)]
        with pytest.raises(HarnessError, match=r"no worker of .* has a GPU; start one for each GPU: CUDA_VISIBLE"):
            list(run_anywhere(report_card, lambda: queue.pop() if queue else None, there, Limits(silence=60)))
        assert len(queue) == 8
        set_gpus(cluster, 1)
        events = list(run_anywhere(report_card, lambda: queue.pop() if queue else None, there, Limits(silence=60)))
    finally:
        set_gpus(cluster, 1)
        kill(without)
    assert [event.kind for event in events] == ["done"] * 8, events
    assert {event.payload for event in events} == {"0", "1"}


def test_where_no_scheduler_answers_a_sentence_says_how_to_start_one(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.workers.dask_cluster.CONNECT_SECONDS", 0.5)
    nowhere = dataclasses.replace(settings, dask="tcp://127.0.0.1:1")
    with pytest.raises(
        HarnessError, match=r"--dask tcp://127\.0\.0\.1:1: no scheduler answers there .*`dask scheduler`"
    ):
        build(RECIPES[:1], nowhere, progress=False)
    no_file = dataclasses.replace(settings, dask=str(tmp_path / "scheduler.json"))
    with pytest.raises(HarnessError, match=r"no such file; `dask scheduler --scheduler-file .*` writes it"):
        build(RECIPES[:1], no_file, progress=False)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not a scheduler's (.*)"),
        ("[]", "has no address of a sch"),
        ('{"address": null}', "has no address of a"),
    ],
)
def test_a_file_that_names_no_scheduler_is_a_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    file.write_text(text)
    with pytest.raises(HarnessError, match=rf"--dask {file}: the file {sentence}.*; `dask scheduler --scheduler-file "):
        dask_cluster._client(distributed, str(file))


def run_and_say(settings: Settings, errors: Path) -> None:
    """A run as at a terminal, which is the file `errors`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(os.open(errors, os.O_CREAT | os.O_WRONLY), 2)
    build(RECIPES, settings, progress=False)


@pytest.mark.long
def test_ctrl_c_leaves_the_cluster_ready_for_the_next_run(
    cluster: LocalCluster, settings: Settings, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    errors = tmp_path / "errors"
    run = in_a_process(run_and_say, on(cluster, settings), errors)
    assert wait_until(lambda: len(digests(settings.cache_dir)) >= 1)
    assert run.pid is not None
    os.kill(run.pid, signal.SIGINT)
    run.join(30)
    assert run.exitcode == 1
    assert "KeyboardInterrupt" in errors.read_text()
    build(RECIPES, on(cluster, settings), progress=False)
    assert digests(settings.cache_dir) == undisturbed


@ANEW
def test_a_dask_worker_killed_in_the_middle_of_a_job_costs_nothing_but_time(
    cluster: LocalCluster, settings: Settings, undisturbed: dict[str, str]
) -> None:
    victim = cluster.workers[0]
    killed: list[int] = []

    def kill_one() -> None:
        assert wait_until(lambda: in_a_job(victim) is not None)
        member = in_a_job(victim)
        assert member is not None
        below = family(member.pid)
        os.kill(member.pid, signal.SIGKILL)  # its nanny starts another
        killed.append(member.pid)
        assert wait_until(lambda: not any(process.is_running() for process in below)), "orphans of a worker"

    thread = threading.Thread(target=kill_one)
    found = build(RECIPES, on(cluster, settings), lambda text: None, progress=False, stored=once(thread.start))
    thread.join()
    assert killed and len(found) == len(RECIPES)
    assert digests(settings.cache_dir) == undisturbed
    assert litter(settings.cache_dir) == []


@ANEW
def test_lost_machines_leave_their_work_to_the_others_and_where_all_are_lost_it_is_said_and_others_may_come(
    cluster: LocalCluster, settings: Settings, undisturbed: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = cluster.workers
    stored: list[object] = []
    said: list[str] = []

    def is_said() -> bool:
        said.append(capfd.readouterr().err)
        expected = f"waiting for workers; start them with `dask worker --scheduler-file {cluster.file} --nthreads 1`"
        return expected in "".join(said)

    def start_another() -> None:
        assert wait_until(is_said)
        cluster.workers.append(cluster.start_worker("another"))

    def lose(recipe: object) -> None:
        """One in the middle of a job; the other when it has trained what was sent after that, at most four before."""
        stored.append(recipe)
        if len(stored) == 1:
            assert wait_until(lambda: in_a_job(first) is not None)
            kill(first)
        if len(stored) == 6:
            capfd.readouterr()  # perhaps they were waited for at the start
            kill(second)
            thread.start()

    thread = threading.Thread(target=start_another)
    build(RECIPES, on(cluster, settings), lambda text: None, progress=False, stored=lose)
    thread.join()
    assert first.poll() is not None and second.poll() is not None
    assert "".join(said).count("waiting for workers") == 1
    assert len(cluster.workers) == 3
    assert digests(settings.cache_dir) == undisturbed


@ANEW
def test_a_scheduler_that_is_killed_is_a_sentence_and_the_next_run_trains_what_is_missing(
    shared_cluster: LocalCluster, settings: Settings, undisturbed: dict[str, str]
) -> None:
    cluster = shared_cluster
    cluster.repair(workers=1)
    stored: list[str] = []

    def note(recipe: object) -> None:
        stored.append(str(recipe))
        if len(stored) == 2:
            kill(cluster.scheduler)

    with pytest.raises(HarnessError, match=r"the connection to the Dask scheduler at .* was lost; what was trained is"):
        build(RECIPES, on(cluster, settings), lambda text: None, progress=False, stored=note)
    for worker in cluster.workers:
        kill(worker)
    before = digests(settings.cache_dir)
    assert 2 <= len(before) < len(RECIPES)
    cluster.scheduler = cluster.start_scheduler()
    cluster.workers = [cluster.start_worker("again")]
    build(RECIPES, on(cluster, settings), progress=False)
    assert digests(settings.cache_dir) == undisturbed
    assert set(attempts(settings.cache_dir).values()) == {1}
    assert litter(settings.cache_dir) == []
