"""What the tests of the paper's figures share: a tiny CIFAR-10, models trained in this process, a look at figures."""

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from harness.records.profile_figure import STYLE
from harness.settings import Settings
from harness.training.recipe import Recipe
from harness.zoo.train_jobs import TrainJob, train_job
from tests.builders.image_folders import write_cifar10

IMAGES_A_CLASS = 4


def options(folder: Path) -> list[str]:
    """The command line's folders, with a tiny CIFAR-10 (40 training images) in them."""
    if not (folder / "data").exists():
        write_cifar10(folder / "data", train=IMAGES_A_CLASS, test=2)
    return [f"--data-dir={folder}/data", f"--cache-dir={folder}/cache", f"--out={folder}/out", "--workers=1"]


def train_here(recipes: Iterable[Recipe], settings: Settings) -> None:
    """Into the store, so that a command finds them and starts no processes."""
    for recipe in recipes:
        train_job(TrainJob(recipe, settings), lambda payload: None)


def texts_that_overlap(figure: Figure) -> list[str]:
    """Pairs of texts of which one is drawn over the other, and texts that the figure's edge cuts."""
    with matplotlib.style.context(["default", STYLE]):
        FigureCanvasAgg(figure).draw()
        boxes = [(text.get_text(), text.get_window_extent()) for text in _texts(figure) if text.get_text().strip()]
    pairs = [f"{text} | {other}" for (text, box), (other, its) in combinations(boxes, 2) if box.overlaps(its)]
    width, height = figure.bbox.width, figure.bbox.height
    return pairs + [text for text, box in boxes if min(box.x0, box.y0) < 0 or box.x1 > width or box.y1 > height]


def _texts(figure: Figure) -> list[Text]:
    texts = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in figure.axes:
        texts += [*axes.texts, axes.xaxis.label, axes.yaxis.label, axes._left_title]  # type: ignore[attr-defined]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = axis.get_view_interval()
            texts += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return texts
