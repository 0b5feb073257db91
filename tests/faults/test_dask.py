"""Several machines: the same models and verdicts as on one, whatever is killed on the way."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from harness.build import build
from harness.errors import HarnessError
from harness.executors import run_anywhere
from harness.settings import Settings, make_settings
from harness.workers import Limits
from tests.faults.cluster import LocalCluster, in_a_job, kill
from tests.faults.conftest import RECIPES, ROOT, attempts, digests, family, litter, wait_until
from tests.faults.test_disks import needs_mounting
from tests.test_executors import Act, act

pytestmark = pytest.mark.slow


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


def test_what_becomes_of_a_job_is_the_same_on_a_cluster(cluster: LocalCluster, settings: Settings) -> None:
    there = on(cluster, settings)
    queue = [Act(text, there) for text in ("a", "raise", "die", "hang", "refuse", "b")]
    events = run_anywhere(act, lambda: queue.pop() if queue else None, there, Limits(silence=4))
    found = {event.job.text: (event.kind, event.payload) for event in events}
    assert (found["a"], found["b"]) == (("done", "A"), ("done", "B"))
    assert found["die"] == ("died", "its process was ended by SIGKILL")
    assert found["hang"][0] == "silent"
    assert found["refuse"] == ("refused", "a sentence")
    assert "ValueError: what it says" in found["raise"][1]


def gate(settings: Settings, folder: Path, *options: str) -> dict[str, object]:
    """The verdicts of three measures at the gate of a small zoo of the digits, in a process of its own."""
    (folder / "tiny.py").write_text(
        "from harness.zoo import ZOOS, Zoo\n"
        'ZOOS["tiny"] = Zoo("tiny", "digits", {"mlp_1x64": 0.3, "mlp_1x128": 0.3}, num_train=100)\n'
    )
    arguments = ["--zoo=tiny", f"--cache-dir={settings.cache_dir}", "--measure=l2_norm,train_loss,parameter_count"]
    record = folder / "record.json"
    arguments += ["-m", "gate", f"--leaderboard={record}", "-p", "tiny", "-p", "no:cacheprovider", "-q", *options]
    environment = os.environ | {"PYTHONPATH": f"{folder}:{ROOT}"}
    command = [sys.executable, "-m", "pytest", str(ROOT / "suites"), *arguments]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 1 and record.exists(), run.stdout + run.stderr  # two of the measures fail
    content = json.loads(record.read_text())
    verdicts = {
        (each["measure"], condition): {name: part for name, part in verdict.items() if "seconds" not in name}
        for each in content["entries"]
        for condition, verdict in each["suites"].items()
    }
    values = {each["measure"]: {model: row[0] for model, row in each["rows"].items()} for each in content["entries"]}
    assert len(verdicts) == 9, verdicts
    assert {len(each) for each in values.values()} == {40}
    return {"verdicts": verdicts, "values": values}


def values(measure: Path, settings: Settings) -> str:
    """What a run of its own prints of the measure in the file on four models, more than there are workers."""
    script = (
        "from harness.build import build\nfrom harness.evaluate import evaluate\n"
        "from harness.measure_lookup import find_measures\nfrom harness.settings import make_settings\n"
        "from tests.faults.conftest import RECIPES\n"
        f"settings = make_settings({str(settings.cache_dir)!r}, dask={settings.dask!r})\n"
        "models = build(RECIPES[:4], settings, progress=False)\n"
        f"rows = evaluate(find_measures([{str(measure)!r}]), models, [], settings, progress=False)\n"
        "print(*(row.value for row in rows.values()))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    return run.stdout + run.stderr


def test_a_measure_that_was_edited_has_its_new_values_on_a_cluster_that_goes_on(
    cluster: LocalCluster, settings: Settings, tmp_path: Path
) -> None:
    mine, there = tmp_path / "mine.py", on(cluster, settings)
    for value in (1.0, 2.0):
        mine.write_text(
            f"from measures import measure\n\n\n@measure(source='a test')\ndef mine(trained):\n    return {value}\n"
        )
        assert values(mine, there) == f"{value} {value} {value} {value}\n"


@needs_mounting
def test_the_gate_on_machines_with_their_own_folders_gives_the_same_verdicts_and_models(
    tmp_path: Path, settings: Settings
) -> None:
    alone = make_settings(cache_dir=str(tmp_path / "alone"), workers=2)
    for name in ("here", "there", "cluster"):
        (tmp_path / name).mkdir()
    cluster = LocalCluster(tmp_path / "cluster", workers=0)
    try:
        # The folder that models are asked for from is not seen by the workers: they have nothing but their own.
        cluster.workers = [cluster.start_worker(f"worker{number}", hidden=settings.cache_dir) for number in range(2)]
        there = gate(settings, tmp_path / "there", f"--dask={cluster.file}")
    finally:
        cluster.close()
    here = gate(alone, tmp_path / "here", "--workers=2")
    assert there == here
    assert digests(settings.cache_dir) == digests(alone.cache_dir) and len(digests(alone.cache_dir)) == 40
    trained = [digests(cluster.folder / f"worker{number}" / "cache") for number in range(2)]
    assert all(len(each) >= 5 for each in trained)
    assert trained[0] | trained[1] == digests(alone.cache_dir)


@pytest.mark.parametrize("seed", range(2))
def test_a_dask_worker_killed_in_the_middle_of_a_job_costs_nothing_but_time(
    seed: int, cluster: LocalCluster, settings: Settings, undisturbed: dict[str, str]
) -> None:
    victim = cluster.workers[seed]
    killed: list[int] = []

    def kill_one() -> None:
        assert wait_until(lambda: in_a_job(victim) is not None)
        member = in_a_job(victim)
        assert member is not None
        below = family(member.pid)
        os.kill(member.pid, signal.SIGKILL)  # its nanny starts another
        killed.append(member.pid)
        assert wait_until(lambda: not any(each.is_running() for each in below)), "orphans of a worker"

    thread = threading.Thread(target=kill_one)
    found = build(RECIPES, on(cluster, settings), lambda text: None, progress=False, stored=once(thread.start))
    thread.join()
    assert killed and len(found) == len(RECIPES)
    assert digests(settings.cache_dir) == undisturbed
    assert litter(settings.cache_dir) == []


def test_a_machine_that_is_lost_leaves_its_work_to_the_others(
    cluster: LocalCluster, settings: Settings, undisturbed: dict[str, str]
) -> None:
    victim = cluster.workers[0]
    thread = threading.Thread(target=lambda: wait_until(lambda: in_a_job(victim) is not None) and kill(victim))
    build(RECIPES, on(cluster, settings), lambda text: None, progress=False, stored=once(thread.start))
    thread.join()
    assert victim.poll() is not None
    assert digests(settings.cache_dir) == undisturbed


def test_when_all_machines_are_lost_it_is_said_and_the_run_goes_on_when_others_come(
    cluster: LocalCluster, settings: Settings, undisturbed: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []

    def is_said() -> bool:
        said.append(capfd.readouterr().err)
        expected = f"waiting for workers; start them with `dask worker --scheduler-file {cluster.file} --nthreads 1`"
        return expected in "".join(said)

    def lose_all() -> None:
        capfd.readouterr()  # perhaps they were waited for at the start
        for worker in cluster.workers:
            kill(worker)
        thread.start()

    def start_another() -> None:
        assert wait_until(is_said)
        cluster.workers.append(cluster.start_worker("another"))

    thread = threading.Thread(target=start_another)
    build(RECIPES, on(cluster, settings), lambda text: None, progress=False, stored=once(lose_all))
    thread.join()
    assert "".join(said).count("waiting for workers") == 1
    assert len(cluster.workers) == 3
    assert digests(settings.cache_dir) == undisturbed


def test_a_scheduler_that_is_killed_is_a_sentence_and_the_next_run_trains_what_is_missing(
    cluster: LocalCluster, settings: Settings, undisturbed: dict[str, str]
) -> None:
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


def test_workers_with_another_torch_are_refused(tmp_path: Path, settings: Settings) -> None:
    other = tmp_path / "other" / "torch-1.0.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 1.0.9\n")
    (tmp_path / "cluster").mkdir()
    cluster = LocalCluster(tmp_path / "cluster", workers=1)
    try:
        cluster.workers.append(cluster.start_worker("old", PYTHONPATH=f"{other.parent}:{ROOT}"))
        assert wait_until(lambda: "Starting established connection" in cluster.log("old"))
        with pytest.raises(
            HarnessError, match=r"worker tcp://.* has torch 1\.0\.9, where the run was started \d"
        ) as found:
            build(RECIPES, on(cluster, settings), progress=False)
        assert "install the same on every machine" in str(found.value)
    finally:
        cluster.close()
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


def test_a_job_on_a_gpu_has_one_slot_and_its_card_to_itself(tmp_path: Path, settings: Settings) -> None:
    """Two workers a card each, and one without: `--device cuda` uses the two. (No GPU is needed to hand out slots.)"""
    (tmp_path / "cluster").mkdir()
    cluster = LocalCluster(tmp_path / "cluster", workers=1)
    there = dataclasses.replace(on(cluster, settings), device="cuda")
    try:
        queue = [Act(f"{number}", there) for number in range(8)]
        with pytest.raises(HarnessError, match=r"no worker of .* has a GPU; start one a card: CUDA_VISIBLE_DEVICES=0"):
            list(run_anywhere(report_card, lambda: queue.pop() if queue else None, there, Limits(silence=60)))
        cluster.workers += [
            cluster.start_worker(f"card{card}", "--resources", "GPU=1", CUDA_VISIBLE_DEVICES=card) for card in "01"
        ]
        assert wait_until(lambda: all("Starting established" in cluster.log(f"card{card}") for card in "01"))
        queue = [Act(f"{number}", there) for number in range(8)]
        events = list(run_anywhere(report_card, lambda: queue.pop() if queue else None, there, Limits(silence=60)))
    finally:
        cluster.close()
    assert [event.kind for event in events] == ["done"] * 8, events
    assert {event.payload for event in events} == {"0", "1"}


def test_where_no_scheduler_answers_a_sentence_says_how_to_start_one(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.dask_cluster.CONNECT_SECONDS", 2.0)
    nowhere = dataclasses.replace(settings, dask="tcp://127.0.0.1:1")
    with pytest.raises(
        HarnessError, match=r"--dask tcp://127\.0\.0\.1:1: no scheduler answers there .*`dask scheduler`"
    ):
        build(RECIPES[:1], nowhere, progress=False)
    no_file = dataclasses.replace(settings, dask=str(tmp_path / "scheduler.json"))
    with pytest.raises(HarnessError, match=r"no such file; `dask scheduler --scheduler-file .*` writes it"):
        build(RECIPES[:1], no_file, progress=False)


def test_ctrl_c_leaves_the_cluster_ready_for_the_next_run(
    cluster: LocalCluster, settings: Settings, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    script = tmp_path / "run.py"
    script.write_text(
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from harness.build import build\nfrom harness.settings import make_settings\n"
        "from tests.faults.conftest import RECIPES\n"
        f"build(RECIPES, make_settings({str(settings.cache_dir)!r}, dask={str(cluster.file)!r}), progress=False)\n"
    )
    run = subprocess.Popen(
        [sys.executable, str(script)], env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE
    )
    assert wait_until(lambda: len(digests(settings.cache_dir)) >= 1)
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=30)
    assert re.search(rb"KeyboardInterrupt", errors)
    build(RECIPES, on(cluster, settings), progress=False)
    assert digests(settings.cache_dir) == undisturbed
