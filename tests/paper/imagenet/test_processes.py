"""A row trained in several processes."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from harness.paper.imagenet.processes import own_device
from tests import ROOT
from tests.builders.image_training import SIZE, make_tree, plain_network
from tests.builders.image_training import main as train_both
from tests.builders.paper.imagenet_rows import environment, of_command, state_bytes

# Several processes


def test_cuda_is_the_gpu_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert [own_device(name) for name in ("cpu", "cuda", "cuda:3")] == ["cpu", "cuda:0", "cuda:3"]
    monkeypatch.setenv("LOCAL_RANK", "5")
    assert [own_device(name) for name in ("cpu", "cuda", "cuda:3")] == ["cpu", "cuda:5", "cuda:3"]


TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone"]


def torchrun(processes: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*TORCHRUN, f"--nproc-per-node={processes}"]
    return subprocess.run(
        [*command, *map(str, arguments)], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=600
    )


@pytest.fixture(scope="module")
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What tests.builders.image_training leaves, in one process and in two."""
    folder = tmp_path_factory.mktemp("processes")
    train_both(str(root), str(folder))
    done = torchrun(2, "-m", "tests.builders.image_training", root, folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.long
@pytest.mark.slow
def test_without_batch_normalization_two_processes_train_the_network_of_one(trained: Path) -> None:
    alone = load_file(trained / "plain-of-1" / "rank0")
    first, second = (load_file(trained / "plain-of-2" / f"rank{rank}") for rank in (0, 1))
    for name, tensor in alone.items():
        assert torch.equal(first[name], second[name])
        assert torch.allclose(first[name], tensor, atol=1e-5)
        assert not torch.allclose(tensor, plain_network(3, SIZE, 0.0, 0).state_dict()[name], atol=1e-3)


@pytest.mark.long
@pytest.mark.slow
def test_with_batch_normalization_both_processes_end_with_the_same_weights_and_statistics(trained: Path) -> None:
    """Each normalizes its own half of a batch, so that one process alone trains another network."""
    first, second = (load_file(trained / "normalized-of-2" / f"rank{rank}") for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert first["1.num_batches_tracked"] == 9
    kept = load_file(trained / "normalized-of-2" / "at_once")
    assert all(torch.equal(kept[f"model.{name}"], tensor) for name, tensor in first.items())


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain-of-2", "normalized-of-2", "normalized-of-1"])
def test_processes_that_were_stopped_go_on_to_the_same_bytes(name: str, trained: Path) -> None:
    assert state_bytes(trained / name / "resumed") == state_bytes(trained / name / "at_once")


@pytest.mark.long
@pytest.mark.slow
def test_torchrun_trains_inception_v3_in_two_processes(root: Path, tmp_path: Path) -> None:
    done = torchrun(2, *of_command(root, tmp_path, "--rows", "inception_v3-augmentation", "--epochs", 1))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("written to") == 1
    assert done.stderr.count("epoch 1/1") == 1
    assert "Warning" not in done.stderr
    (row,) = json.loads((tmp_path / "imagenet.json").read_text())["rows"]
    assert row["processes"] == 2
    assert [each["steps"] for each in row["history"]] == [3]
    assert row["train_top5"]["ours"] == row["test_top5"]["ours"] == 100
    assert row["test_top1"]["ours"] in [pytest.approx(100 * hits / 9, abs=1e-3) for hits in range(10)]


def end_after_the_first_epoch(command: list[str]) -> None:
    """Kill the run with all its processes, which torchrun gives sessions of their own, when an epoch is done."""
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if "epoch 1/2" in line:
                agent = psutil.Process(run.pid)
                for process in [agent, *agent.children(recursive=True)]:
                    process.kill()
    assert run.returncode == -signal.SIGKILL


@pytest.mark.long
@pytest.mark.slow
def test_1000_classes_in_two_processes_go_on_after_a_kill(tmp_path: Path) -> None:
    """As many classes as ImageNet has, an image of each to train and to test on."""
    root = make_tree(tmp_path / "tree", classes=1000, train=1, test=1)
    arguments = ["--rows", "inception_v3-random", "--epochs", 2, "--batch-size", 100, "--learning-rate", 0.02]
    command = [*TORCHRUN, "--nproc-per-node=2", *map(str, of_command(root, tmp_path, *arguments))]
    end_after_the_first_epoch(command)
    assert not (tmp_path / "imagenet.json").exists()
    resumed = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=600)
    assert resumed.returncode == 0, resumed.stderr
    assert "epoch 2/2" in resumed.stderr and "epoch 1/2" not in resumed.stderr
    (row,) = json.loads((tmp_path / "imagenet.json").read_text())["rows"]
    assert [each["steps"] for each in row["history"]] == [10, 20]
    assert (row["num_classes"], row["num_train"], row["processes"]) == (1000, 1000, 2)
    assert row["test_top1"]["difference"] is None
