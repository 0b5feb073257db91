"""What a row comes to beside the paper's."""

import dataclasses
from pathlib import Path

import pytest

from harness.paper.imagenet.result import Data, as_table, result_row
from harness.paper.imagenet.state import Accuracies, RowState
from harness.paper.imagenet.table2 import ROWS
from tests.builders.image_training import SETTING
from tests.builders.paper.imagenet_rows import HISTORY

IMAGENET = Data(1000, 1_281_167, 50_000, "a" * 64)


# Results


def fake_state(*history: Accuracies) -> RowState:
    state = RowState(Path("not there"), {})
    state.history = list(history)
    return state


def test_the_best_test_accuracies_are_those_of_any_epoch_each_by_itself() -> None:
    assert fake_state(*HISTORY).best() == (60.0, 91.0)


def test_on_imagenet_the_differences_are_those_to_the_paper() -> None:
    setting = dataclasses.replace(SETTING, row="inception_v3", image_size=299)
    row = result_row(ROWS["inception_v3"], setting, IMAGENET, fake_state(*HISTORY))
    assert row["comparable"] == "yes"
    assert row["auxiliary_classifier"] is True
    assert row["train_top1"] == {"ours": 99.5, "paper": 99.53, "difference": -0.03}
    assert row["test_top1"] == {"ours": 58.0, "paper": 59.80, "difference": -1.8}
    assert row["best_top5"] == {"ours": 91.0, "paper": 84.49, "difference": 6.51}
    assert row["history"] == [dataclasses.asdict(each) for each in HISTORY]
    assert list(row["history"][0]) == ["steps", "train_top1", "train_top5", "test_top1", "test_top5"]


@pytest.mark.parametrize(
    ("data", "image_size", "reason"),
    [
        (dataclasses.replace(IMAGENET, num_classes=999), 299, "no: 999 classes, 1,281,167 training and 50,000 test"),
        (dataclasses.replace(IMAGENET, num_train=1_281_166), 299, "are not ImageNet, which has 1,000, 1,281,167 and"),
        (dataclasses.replace(IMAGENET, num_test=49_999), 299, "49,999 test images are not ImageNet"),
        (IMAGENET, 224, "no: images of 224 pixels; the paper's have 299"),
    ],
)
def test_on_anything_else_no_difference_is_given_and_the_reason_is(data: Data, image_size: int, reason: str) -> None:
    setting = dataclasses.replace(SETTING, image_size=image_size)
    row = result_row(ROWS["inception_v3"], setting, data, fake_state(*HISTORY))
    assert reason in row["comparable"]
    pairs = [value for value in row.values() if isinstance(value, dict)]
    assert len(pairs) == 6
    assert all(pair["difference"] is None and pair["ours"] is not None for pair in pairs)
    assert as_table([row]).splitlines()[-1].endswith("| no |")


def test_the_table_has_ours_beside_the_papers() -> None:
    setting = dataclasses.replace(SETTING, image_size=299)
    rows = [
        result_row(ROWS[name], dataclasses.replace(setting, row=name), IMAGENET, fake_state(*HISTORY))
        for name in ("inception_v3", "inception_v3-random")
    ]
    assert as_table(rows).splitlines()[2:] == [
        "| `inception_v3` | 99.50 / 100.00 | 99.53 / 100.00 | 58.00 / 80.00 (60.00 / 91.00) | "
        "59.80 / 80.38 (63.16 / 84.49) | yes |",
        "| `inception_v3-random` | 99.50 / 100.00 | 95.20 / 99.14 | 58.00 / 80.00 (60.00 / 91.00) | "
        "0.11 / 0.56 (- / -) | yes |",
    ]
