"""Figure 2: curves in percent, what early stopping could gain, ImageNet's rows from their file, and how it looks."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import matplotlib.style
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from matplotlib.figure import Figure

from harness.__main__ import main
from harness.errors import HarnessError
from harness.paper.cifar10 import figure2
from harness.paper.cifar10.curve import accuracy_curve
from harness.paper.cifar10.figure2 import chosen_panels, recipe_of
from harness.paper.cifar10.figure2_drawing import draw, running_best
from harness.paper.cifar10.figure2_result import as_table, cifar10_row, imagenet_rows, statements
from harness.paper.cifar10.options import chosen_networks
from harness.paper.cifar10.recipes import Cifar10, cifar10, paper_recipe
from harness.paper.figure_files import write_figure
from harness.paper.imagenet.result import Data, result_row
from harness.paper.imagenet.state import Accuracies
from harness.paper.reported import IMAGENET
from harness.records.profile_figure import STYLE
from harness.settings import make_settings
from harness.store.store import Store
from measures.history import History
from tests.builders.image_training import SETTING
from tests.builders.paper.paper_figures import options, texts_that_overlap, train_here

IN_FULL = Cifar10(0, "a" * 64, "", "torchvision", 50_000)
A_PART = dataclasses.replace(IN_FULL, num_train=300)


def history(errors: list[float], num_train: int = 300) -> History:
    """Of 300 images: three steps an epoch."""
    return History(
        train_loss=torch.ones(len(errors)),
        train_error=torch.tensor(errors),
        correct=torch.ones(len(errors), num_train, dtype=torch.bool),
        learning_rates=torch.ones(3 * len(errors)),
        snapshot_epochs=torch.empty(0, dtype=torch.int64),
        snapshots=torch.empty(0, 0),
    )


def row(network: str, data: Cifar10, test_errors: list[float]) -> Any:
    errors = [0.5 / (1 + epoch) for epoch in range(len(test_errors))]
    recipe = recipe_of(network, data, None, "cpu")
    curve = accuracy_curve(recipe, history(errors), torch.tensor(test_errors, dtype=torch.float64))
    return cifar10_row(recipe, len(test_errors), 1.0, curve, data)


def imagenet_row(name: str = "inception_v3", **changes: Any) -> dict[str, Any]:
    """What the figure needs of a row of imagenet.json."""
    history = [
        {"steps": 10, "train_top1": 20.0, "train_top5": 40.0, "test_top1": 30.0, "test_top5": 50.0},
        {"steps": 20, "train_top1": 60.0, "train_top5": 80.0, "test_top1": 35.0, "test_top5": 55.0},
        {"steps": 30, "train_top1": 90.0, "train_top5": 99.0, "test_top1": 32.0, "test_top5": 60.0},
    ]
    return {"row": name, "labels": "true", "history": history, **changes}


def written(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "imagenet.json"
    path.write_text(json.dumps({"system": "imagenet", "rows": rows}))
    return path


# Panel b


def test_accuracies_are_in_percent_at_the_ends_of_epochs() -> None:
    found = row("mlp_1x512", A_PART, [0.75, 0.5, 0.625])
    assert found["curve"] == {
        "steps": [3, 6, 9],
        "train_accuracy": [50.0, 75.0, 83.333],
        "test_accuracy": [25.0, 50.0, 37.5],
    }
    json.dumps(found, allow_nan=False)


def test_early_stopping_gains_the_best_less_the_last() -> None:
    found = row("mlp_1x512", A_PART, [0.75, 0.5, 0.625])
    assert found["final_test_accuracy"] == {"ours": 37.5, "paper": None, "difference": None}
    assert (found["best_test_accuracy"], found["early_stopping_gain"]["ours"]) == (50, 12.5)
    assert row("mlp_1x512", A_PART, [0.75, 0.5])["early_stopping_gain"]["ours"] == 0


@pytest.mark.parametrize(("network", "accuracy"), [("inception_small", 85.75), ("inception_small_no_bn", 82.0)])
def test_in_full_the_last_accuracy_is_beside_that_of_table_1_without_regularizers(network, accuracy) -> None:
    assert row(network, IN_FULL, [0.2])["final_test_accuracy"]["paper"] == accuracy
    assert row(network, A_PART, [0.2])["final_test_accuracy"]["paper"] is None


def test_what_the_paper_says_is_beside_ours_of_the_most_images() -> None:
    few = [row("inception_small", A_PART, [0.6]), row("inception_small_no_bn", A_PART, [0.7])]
    full = [row("inception_small", IN_FULL, [0.1, 0.15]), row("inception_small_no_bn", IN_FULL, [0.18])]
    assert [(each["ours"], each["num_train"]) for each in statements([*few, *full])] == [
        (5, 50_000), (0, 50_000), (3, 50_000)
    ]  # fmt: skip
    assert len(statements(full[:1])) == 1
    assert statements([row("mlp_1x512", IN_FULL, [0.5])]) == statements([]) == []


def test_in_full_the_networks_are_those_of_table_1_and_the_test_error_is_always_watched() -> None:
    for network in figure2.INCEPTION:
        assert recipe_of(network, IN_FULL, None, "cpu").key == paper_recipe(network, IN_FULL).key
        assert recipe_of(network, A_PART, None, "cpu").stop_loss == 0
    assert recipe_of("mlp_1x512", A_PART, 7, "cpu").max_epochs == 7


# Panel a


def test_panel_a_is_of_top_1_with_what_early_stopping_gains(tmp_path: Path) -> None:
    (found,) = imagenet_rows(written(tmp_path, imagenet_row()))
    assert found["curve"] == {"steps": [10, 20, 30], "train_accuracy": [20, 60, 90], "test_accuracy": [30, 35, 32]}
    assert found["early_stopping_gain"] == {"ours": 3, "paper": None, "difference": None}


def full_size_row(index: int, data: Data) -> dict[str, Any]:
    """The row as `paper imagenet` writes it."""

    class State:
        seconds = 1.0
        history = (Accuracies(10, 20, 40, 66, 85), Accuracies(20, 60, 80, 70, 90), Accuracies(30, 90, 99, 68, 88))

        @staticmethod
        def best() -> tuple[float, float]:
            return 70, 90

    setting = dataclasses.replace(SETTING, image_size=299, labels=IMAGENET[index].labels)
    found: dict[str, Any] = result_row(IMAGENET[index], setting, data, State())  # type: ignore[arg-type]
    return found


def test_what_stopping_early_gained_in_the_paper_is_beside_ours_if_the_data_are_the_same(tmp_path: Path) -> None:
    whole = Data(1000, 1_281_167, 50_000, "a" * 64)
    (found,) = imagenet_rows(written(tmp_path, full_size_row(2, whole)))
    assert found["final_test_accuracy"] == {"ours": 68, "paper": 67.18, "difference": 0.82}
    assert found["early_stopping_gain"]["ours"] == 2
    assert found["early_stopping_gain"]["paper"] == pytest.approx(72.57 - 67.18)
    (found,) = imagenet_rows(written(tmp_path, full_size_row(2, dataclasses.replace(whole, num_train=10))))
    assert found["final_test_accuracy"]["paper"] is found["early_stopping_gain"]["paper"] is None


def test_rows_with_random_labels_are_no_part_of_panel_a(tmp_path: Path) -> None:
    path = written(tmp_path, imagenet_row(), imagenet_row("inception_v3-random", labels="random"))
    assert [each["row"] for each in imagenet_rows(path)] == ["inception_v3"]


def test_of_several_data_sets_in_the_file_the_largest_is_drawn(tmp_path: Path) -> None:
    small = [imagenet_row(name, num_train=10, listing_sha256="a", image_size=299) for name in ("x", "y", "z")]
    large = [imagenet_row(name, num_train=20, listing_sha256="b", image_size=299) for name in ("x", "y")]
    coarse = [imagenet_row("x", num_train=20, listing_sha256="b", image_size=75)]
    found = imagenet_rows(written(tmp_path, *small, *coarse, *large))
    assert [(each["row"], each["num_train"], each["image_size"]) for each in found] == [("x", 20, 299), ("y", 20, 299)]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"rows": 3}', '{"rows": [{"row": "x"}]}', '{"rows": [{"row": "x", "history": [{"steps": 3}]}]}'],
)
def test_a_file_that_is_no_result_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(HarnessError, match=r"other.json is not a result of `paper imagenet`"):
        imagenet_rows(tmp_path / "other.json")


def test_a_file_that_is_not_there_or_has_no_such_rows_is_an_error_to_act_on(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="cannot be read"):
        imagenet_rows(tmp_path / "imagenet.json")
    with pytest.raises(HarnessError, match="no row with true labels"):
        imagenet_rows(written(tmp_path, imagenet_row(history=[]), imagenet_row(labels="random")))


# How it looks


def drawn(panel: str, rows: list[Any]) -> Figure:
    with matplotlib.style.context(["default", STYLE]):
        return draw(panel, rows)


def two_networks(data: Cifar10 = A_PART) -> list[Any]:
    return [row("inception_small", data, [0.5, 0.2, 0.3]), row("inception_small_no_bn", data, [0.6, 0.5, 0.4])]


def four_rows(tmp_path: Path) -> list[Any]:
    names = ["inception_v3-augmentation-dropout-decay", "inception_v3-augmentation", "inception_v3-decay"]
    return imagenet_rows(written(tmp_path, *(imagenet_row(name) for name in [*names, "inception_v3"])))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20))
def test_the_running_best_is_the_largest_so_far(accuracies: list[float]) -> None:
    slow = [max(accuracies[: k + 1]) for k in range(len(accuracies))]
    assert running_best(np.array(accuracies)).tolist() == slow


def test_no_text_lies_on_another_or_is_cut(tmp_path: Path) -> None:
    assert texts_that_overlap(drawn("b", two_networks())) == []
    assert texts_that_overlap(drawn("a", four_rows(tmp_path))) == []


def test_training_is_dashed_test_solid_and_what_lies_below_the_best_is_shaded() -> None:
    (axes,) = drawn("b", two_networks()).axes
    training, test = axes.lines[:2]
    assert (training.is_dashed(), test.is_dashed()) == (True, False)
    assert list(test.get_ydata()) == [50, 80, 70]  # type: ignore[arg-type]
    shaded = axes.collections[0].get_paths()[0].vertices
    assert isinstance(shaded, np.ndarray)
    assert shaded[:, 1].max() == 80 and [9, 80] in shaded.tolist() and [9, 70] in shaded.tolist()
    assert len({line.get_marker() for line in axes.lines}) == 2


def note(figure: Figure) -> str:
    return figure.texts[-1].get_text().replace("\n", " ")


def test_what_was_measured_is_noted(tmp_path: Path) -> None:
    assert note(drawn("b", two_networks())).startswith("CIFAR-10: 300 training images, a subset, 3 epochs.")
    assert note(drawn("b", two_networks(IN_FULL))).startswith("CIFAR-10: 50,000 training images, 3 epochs.")
    (found,) = imagenet_rows(written(tmp_path, full_size_row(3, Data(10, 160, 80, "a" * 64))))
    assert "160 training images of 10 classes, 299 pixels, 3 epochs." in note(drawn("a", [found]))
    assert "Comparable with the paper's: no: 10 classes" in note(drawn("a", [found]))


def test_imagenets_rows_are_named_by_what_is_switched_on(tmp_path: Path) -> None:
    write_figure(tmp_path, "figure2a", lambda: drawn("a", four_rows(tmp_path)))
    text = (tmp_path / "figure2a.svg").read_text()
    for words in ("augmentation, dropout, decay", "no regularizer", "(a) ImageNet, Inception V3"):
        assert f">{words}</text>" in text


def test_nothing_to_show_is_drawn_all_the_same() -> None:
    assert len(drawn("b", []).axes) == 1


def test_the_table_has_ours_the_papers_and_the_gain() -> None:
    (line,) = as_table([row("inception_small", IN_FULL, [0.1, 0.15])]).splitlines()[2:]
    assert line == "| b | `inception_small` | 50,000 | 2 | 75.00 | 85.00 | 85.75 | 90.00 | 5.00 | - |"


# The command


@pytest.mark.parametrize(
    ("text", "imagenet", "panels"), [(None, None, "b"), (None, Path("x"), "ab"), ("a", Path("x"), "a")]
)
def test_panel_a_is_drawn_if_there_is_a_result_for_it(text, imagenet, panels) -> None:
    assert chosen_panels(text, imagenet) == panels


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--panels", "c"], "--panels is 'c'; expected some of a, b"),
        (["--panels", "a"], "name its file with --imagenet"),
        (["--networks", "resnet"], "--networks resnet is not a network of the paper's"),
    ],
)
def test_an_option_that_cannot_be_is_refused_before_any_data_are_read(tmp_path, option, sentence) -> None:
    result = CliRunner().invoke(main, ["paper", "figure2", *option, "--cache-dir", str(tmp_path)])
    assert result.exit_code == 2 and sentence in result.output


FEW = ["--networks=mlp_1x512", "--epochs=3"]


def content(folder: Path) -> Any:
    return json.loads((folder / "out" / "figure2.json").read_text())


def test_the_command_writes_what_training_watched_and_adds_the_other_panel(tmp_path: Path) -> None:
    folders = options(tmp_path)
    settings = make_settings(str(tmp_path / "cache"), str(tmp_path / "data"), workers=1)
    recipe = recipe_of("mlp_1x512", cifar10(settings.data_dir, settings.cache_dir), 3, "cpu")
    train_here([recipe], settings)
    result = CliRunner().invoke(main, ["paper", "figure2", *FEW, *folders])
    assert result.exit_code == 0, result.output
    (found,) = content(tmp_path)["rows"]
    entry = Store(settings.cache_dir).find(recipe)
    assert entry is not None and found["model"] == recipe.key
    assert found["curve"]["steps"] == [1, 2, 3]
    assert found["curve"]["test_accuracy"][-1] == pytest.approx(100 * (1 - entry.outcome.test_error), abs=5.01)

    imagenet = written(tmp_path, imagenet_row())
    result = CliRunner().invoke(main, ["paper", "figure2", "--panels=a", f"--imagenet={imagenet}", *folders])
    assert result.exit_code == 0, result.output
    assert [each["panel"] for each in content(tmp_path)["rows"]] == ["a", "b"]
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert made == {"figure2.json", "figure2a.svg", "figure2a.png", "figure2b.svg", "figure2b.png"}


def test_what_table_1_went_through_is_drawn_without_a_second_training(tmp_path: Path) -> None:
    folders = options(tmp_path)
    settings = make_settings(str(tmp_path / "cache"), str(tmp_path / "data"), workers=1)
    recipe = recipe_of("mlp_1x512", cifar10(settings.data_dir, settings.cache_dir), 3, "cpu")
    curve = {"steps": [1, 2, 3], "train_accuracy": [10.0, 20.0, 30.0], "test_accuracy": [10.0, 35.0, 25.0]}
    row = {"row": "mlp_1x512", "model": recipe.key, "epochs": 3, "seconds": 60.0, "curve": curve}
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "table1.json").write_text(json.dumps({"system": "table1", "rows": [row]}))
    result = CliRunner().invoke(main, ["paper", "figure2", *FEW, *folders])
    assert result.exit_code == 0, result.output
    (found,) = content(tmp_path)["rows"]
    assert (found["curve"], found["seconds"], found["best_test_accuracy"]) == (curve, 60.0, 35.0)
    assert Store(settings.cache_dir).find(recipe) is None


def test_rows_are_written_after_every_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = options(tmp_path)
    settings = make_settings(str(tmp_path / "cache"), str(tmp_path / "data"), workers=1)
    data = cifar10(settings.data_dir, settings.cache_dir)
    train_here([recipe_of("mlp_1x512", data, 3, "cpu")], settings)

    def interrupted(recipes: Any, settings: Any, say: Any, stored: Any) -> None:
        stored(next(iter(recipes)))
        raise HarnessError("interrupted")

    monkeypatch.setattr(figure2, "build", interrupted)
    command = ["paper", "figure2", "--networks=mlp_1x512,alexnet_small", "--epochs=3", *folders]
    assert CliRunner().invoke(main, command).exit_code == 2
    assert [each["row"] for each in content(tmp_path)["rows"]] == ["mlp_1x512"]


@pytest.mark.slow
def test_the_command_trains_what_is_missing(tmp_path: Path) -> None:
    assert chosen_networks("mlp_1x512, mlp_3x512") == ["mlp_1x512", "mlp_3x512"]
    result = CliRunner().invoke(main, ["paper", "figure2", "--quick", *FEW, "--num-train=20", *options(tmp_path)])
    assert result.exit_code == 0, result.output
    assert content(tmp_path)["rows"][0]["run"] == "on a subset"
