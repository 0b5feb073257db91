"""What a row of table 2 came to: ours beside the paper's, and on which images, for imagenet.json and as a table."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from harness.paper.imagenet.image_tree import ImageTree
from harness.paper.imagenet.setting import AUXILIARY_SMALLEST, DROPOUT, MOMENTUM, WEIGHT_DECAY, Setting
from harness.paper.imagenet.state import RowState
from harness.paper.imagenet.train import MEASURED_TRAIN_IMAGES
from harness.paper.reported import ImageNetRow
from harness.paper.result import compared

CLASSES, TRAIN_IMAGES, TEST_IMAGES = 1000, 1_281_167, 50_000
"""Of ImageNet (ILSVRC 2012), whose validation images are the test images."""
IMAGE_SIZE = 299  # the paper's, in pixels
ACCURACIES = ("train_top1", "train_top5", "test_top1", "test_top5")


@dataclasses.dataclass(frozen=True)
class Data:
    """What was trained on, for a result: never to be mistaken for ImageNet."""

    num_classes: int
    num_train: int
    num_test: int
    listing_sha256: str

    @classmethod
    def of(cls, tree: ImageTree) -> "Data":
        return cls(len(tree.classes), len(tree.train), len(tree.test), tree.sha256())

    def comparable(self, image_size: int) -> str:
        """ "yes", or why accuracies on it are not to be held against the paper's."""
        if (self.num_classes, self.num_train, self.num_test) != (CLASSES, TRAIN_IMAGES, TEST_IMAGES):
            return (
                f"no: {self.num_classes:,} classes, {self.num_train:,} training and {self.num_test:,} test images are "
                f"not ImageNet, which has {CLASSES:,}, {TRAIN_IMAGES:,} and {TEST_IMAGES:,}"
            )
        return (
            "yes" if image_size == IMAGE_SIZE else f"no: images of {image_size} pixels; the paper's have {IMAGE_SIZE}"
        )


def result_row(reported: ImageNetRow, setting: Setting, data: Data, state: RowState) -> dict[str, Any]:
    """A row for imagenet.json; accuracies in percent, `history` after every epoch, `best_*` along all of it."""
    comparable = data.comparable(setting.image_size)

    def beside(ours: float, paper: float | None) -> dict[str, float | None]:
        pair = compared(ours, paper)
        return pair if comparable == "yes" else {**pair, "difference": None}

    last, (best_top1, best_top5) = state.history[-1], state.best()
    return {
        **dataclasses.asdict(setting),
        **dataclasses.asdict(data),
        "comparable": comparable,
        "weight_decay": WEIGHT_DECAY if setting.weight_decay else 0.0,
        "dropout": DROPOUT if setting.dropout else 0.0,
        "momentum": MOMENTUM,
        "auxiliary_classifier": setting.image_size >= AUXILIARY_SMALLEST,
        "train_images_measured_each_epoch": min(data.num_train, MEASURED_TRAIN_IMAGES),
        "seconds": round(state.seconds, 1),
        **{name: beside(getattr(last, name), getattr(reported, name)) for name in ACCURACIES},
        "best_top1": beside(best_top1, reported.best_top1),
        "best_top5": beside(best_top5, reported.best_top5),
        "history": [dataclasses.asdict(epoch) for epoch in state.history],
    }


def as_table(rows: Iterable[dict[str, Any]]) -> str:
    """The result in Markdown: top-1 / top-5 in percent, the best along training in brackets, the paper's beside."""
    lines = [
        "| row | train | paper | test (best) | paper (best) | comparable |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        cells = [f"`{row['row']}`"]
        cells += [_pair(row, "train", who) for who in ("ours", "paper")]
        cells += [f"{_pair(row, 'test', who)} ({_pair(row, 'best', who)})" for who in ("ours", "paper")]
        lines.append("| " + " | ".join([*cells, row["comparable"].partition(":")[0]]) + " |")
    return "\n".join(lines)


def _pair(row: dict[str, Any], kind: str, who: str) -> str:
    pair = [row[f"{kind}_{top}"][who] for top in ("top1", "top5")]
    return " / ".join("-" if accuracy is None else f"{accuracy:.2f}" for accuracy in pair)
