"""The command `paper imagenet`: options, refusals, what is trained and written."""

import dataclasses
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file
from torch import Tensor, nn

from harness.__main__ import main
from harness.paper.imagenet import train as imagenet_train
from harness.paper.imagenet.image_stream import ImageStream, random_labels
from harness.paper.imagenet.image_tree import read_tree
from harness.paper.imagenet.processes import Processes
from harness.paper.imagenet.setting import Setting, inception_v3
from harness.paper.imagenet.state import RowState
from harness.paper.imagenet.table2 import ROWS, chosen_rows, toggles
from tests import ROOT
from tests.builders.image_training import ALONE, SETTING, make_tree
from tests.builders.paper.imagenet_rows import HISTORY, environment, of_command, state_bytes

# Settings


def test_the_rows_are_those_of_the_paper_by_name() -> None:
    assert list(ROWS) == [
        "inception_v3-augmentation-dropout-decay",
        "inception_v3-augmentation",
        "inception_v3-decay",
        "inception_v3",
        "inception_v3-dropout-decay-random",
        "inception_v3-dropout-random",
        "inception_v3-random",
    ]
    assert toggles("inception_v3-dropout-random") == {
        "row": "inception_v3-dropout-random",
        "augmentation": False,
        "dropout": True,
        "weight_decay": False,
        "labels": "random",
    }
    assert chosen_rows("inception_v3,inception_v3-decay", quick=False) == ["inception_v3", "inception_v3-decay"]
    assert chosen_rows(None, quick=False) == list(ROWS)


# The command


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["paper", "imagenet", *map(str, arguments)])


def test_the_command_is_imported_without_torch() -> None:
    code = "import sys, harness.paper.imagenet.table2; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--rows", "inception_v3-crop"],
            "Error: --rows inception_v3-crop is not a row of the ImageNet table; known: ",
        ),
        (["--image-size", "60"], "Error: --image-size is 60; inception_v3 needs 75 or more"),
        ([], "Error: --batch-size is 256, but there are 18 training images; lower it"),
        (["--data-dir", "/proc/nowhere"], "Error: /proc/nowhere has no train/ and val/ (or test/)"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(options: list[str], sentence: str, root: Path, tmp_path: Path) -> None:
    common = ["--data-dir", root, "--cache-dir", tmp_path, "--out", tmp_path, "--workers", 0]
    if "60" in options:
        common += ["--batch-size", 6]
    result = invoke(*common, *options)
    assert result.exit_code == 2
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_every_option_reaches_the_training(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[tuple[Setting, ImageStream, RowState]] = []

    def noted(setting: Setting, stream: ImageStream, processes: Processes, state: RowState, say: Any) -> None:
        trained.append((setting, stream, state))
        state.history = list(HISTORY)

    monkeypatch.setattr(imagenet_train, "train", noted)
    common = ["--data-dir", root, "--cache-dir", tmp_path / "cache", "--out", tmp_path]
    options = ["--rows", "inception_v3-augmentation", "--epochs", 7, "--batch-size", 8, "--image-size", 80, "--seed", 3]
    more = ["--learning-rate", 0.5, "--precision", "bfloat16", "--workers", 0]
    assert invoke(*common, *options, *more).exit_code == 0
    assert invoke(*common, "--rows", "inception_v3-dropout-decay-random").exit_code == 0
    assert invoke(*common, "--quick").exit_code == 0

    sha256 = read_tree(root).sha256()
    fixed = {"listing_sha256": sha256, "processes": 1}
    asked = {"epochs": 7, "batch_size": 8, "image_size": 80, "seed": 3, "learning_rate": 0.5, "precision": "bfloat16"}
    usual = {"epochs": 100, "batch_size": 256, "image_size": 299, "seed": 0, "learning_rate": 0.1}
    quick = {**usual, "epochs": 2, "batch_size": 16, "image_size": 75}
    float32 = {"precision": "float32"}
    assert [setting for setting, _, _ in trained] == [
        Setting(**fixed, **asked, **toggles("inception_v3-augmentation")),
        Setting(**fixed, **usual, **float32, **toggles("inception_v3-dropout-decay-random")),
        Setting(**fixed, **quick, **float32, **toggles("inception_v3")),
        Setting(**fixed, **quick, **float32, **toggles("inception_v3-random")),
    ]
    assert [stream.augmentation for _, stream, _ in trained] == [True, False, False, False]
    labels = [stream._loader.dataset.labels["train"].tolist() for _, stream, _ in trained]  # type: ignore[attr-defined]
    true, random = read_tree(root).train.labels.tolist(), random_labels(18, 3, 0).tolist()
    assert labels == [true, random, true, random]
    assert [state.path.name for _, _, state in trained][:2] == [
        f"inception_v3-augmentation-80px-seed3-{sha256[:12]}.safetensors",
        f"inception_v3-dropout-decay-random-299px-seed0-{sha256[:12]}.safetensors",
    ]


def test_quick_takes_a_part_of_the_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        imagenet_train, "train", lambda setting, stream, processes, state, say: state.history.extend(HISTORY)
    )
    large = make_tree(tmp_path / "tree", classes=12, train=17, test=9)
    arguments = ["--data-dir", large, "--cache-dir", tmp_path / "cache", "--out", tmp_path, "--workers", 0, "--quick"]
    assert invoke(*arguments).exit_code == 0
    for row in json.loads((tmp_path / "imagenet.json").read_text())["rows"]:
        assert (row["num_classes"], row["num_train"], row["num_test"]) == (10, 160, 80)
        assert row["comparable"].startswith("no")


def kept_state(folder: Path) -> Path:
    (found,) = (folder / "cache" / "imagenet").glob("*.safetensors")
    return found


@pytest.mark.long
@pytest.mark.slow
def test_the_command_trains_what_is_missing_and_writes_every_row_in_the_papers_order(
    root: Path, tmp_path: Path
) -> None:
    rows = "inception_v3-augmentation-dropout-decay,inception_v3-random"
    options = ["--rows", rows, "--epochs", 1, "--workers", 1]
    alone = invoke(*of_command(root, tmp_path, "--rows", "inception_v3-random", "--epochs", 1)[4:])
    assert alone.exit_code == 0, alone.output
    first = invoke(*of_command(root, tmp_path, *options)[4:])
    assert first.exit_code == 0, first.output
    assert first.stderr.count("epoch 1/1") == 1
    content = json.loads((tmp_path / "imagenet.json").read_text())
    assert [row["row"] for row in content["rows"]] == rows.split(",")
    for row in content["rows"]:
        assert (row["num_classes"], row["num_train"], row["num_test"]) == (3, 18, 9)
        assert row["listing_sha256"] == read_tree(root).sha256()
        assert row["comparable"].startswith("no: 3 classes")
        assert [each["steps"] for each in row["history"]] == [3]
        assert row["test_top1"]["paper"] == ROWS[row["row"]].test_top1
        assert row["test_top1"]["difference"] is None
    assert [row["dropout"] for row in content["rows"]] == [0.2, 0.0]
    assert "| `inception_v3-random` |" in first.output

    again = invoke(*of_command(root, tmp_path, *options)[4:])
    assert again.exit_code == 0
    assert "epoch" not in again.stderr
    assert json.loads((tmp_path / "imagenet.json").read_text())["rows"] == content["rows"]


@pytest.mark.long
@pytest.mark.slow
def test_images_of_299_pixels_train_the_auxiliary_classifier_as_well(root: Path) -> None:
    def network(*arguments: Any) -> nn.Module:
        model = inception_v3(*arguments)
        before.append(model.AuxLogits.fc.weight.clone())
        return model

    before: list[Tensor] = []
    setting = dataclasses.replace(SETTING, image_size=299, batch_size=2, epochs=1, learning_rate=0.1)
    small = read_tree(root).part(2, 1, 1)
    stream = ImageStream(small, image_size=299, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        state = RowState(Path(folder) / "state", setting.of_every_epoch())
        imagenet_train.train(setting, stream, ALONE, state, network)
        after = load_file(state.path)["model.AuxLogits.fc.weight"]
    assert not torch.equal(after, before[0])


@pytest.mark.long
@pytest.mark.slow
def test_a_process_that_was_killed_goes_on_to_the_same_bytes(root: Path, tmp_path: Path) -> None:
    options = ["--rows", "inception_v3-dropout-decay-random", "--epochs", 2]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert invoke(*of_command(root, whole, *options)[4:]).exit_code == 0
    process = subprocess.Popen(
        [sys.executable, *of_command(root, killed, *options)], env=environment(), stderr=subprocess.DEVNULL
    )
    place = killed / "cache" / "imagenet" / kept_state(whole).name
    while process.poll() is None and not place.exists():
        time.sleep(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert len(json.loads(bytes(load_file(place)["about"].tolist()))["history"]) < 2
    assert invoke(*of_command(root, killed, *options)[4:]).exit_code == 0
    assert state_bytes(place) == state_bytes(kept_state(whole))
