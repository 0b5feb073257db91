"""Figure 1: which models it is of, and the command that trains and draws them."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.__main__ import main
from harness.errors import HarnessError
from harness.paper.cifar10 import figure1
from harness.paper.cifar10.figure1 import chosen_panels, chosen_points, recipe_of, wanted_runs
from harness.paper.cifar10.figure1_result import Run, partial_corruption
from harness.paper.cifar10.options import chosen_networks
from harness.paper.cifar10.recipes import cifar10
from harness.paper.cifar10.table1 import rows_of_the_table
from harness.settings import make_settings
from tests.builders.paper.figure1_rows import A_PART, IN_FULL
from tests.builders.paper.paper_figures import options, train_here

# What is trained


def test_panel_a_has_the_six_conditions_of_the_paper() -> None:
    runs = wanted_runs("a", "inception_small", [], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert [run.name.removeprefix("inception_small-") for run in runs] == [
        "true_labels", "corrupted_labels0.4", "random_labels", "shuffled_pixels", "random_pixels", "gaussian"
    ]  # fmt: skip


def test_panels_b_and_c_have_every_network_at_every_point_and_share_models_with_panel_a() -> None:
    both = wanted_runs("bc", "", ["alexnet_small", "mlp_1x512"], [0.0, 0.5, 1.0])
    assert {(run.network, run.corruption) for run in both} == {
        (network, point) for network in ("alexnet_small", "mlp_1x512") for point in (0.0, 0.5, 1.0)
    }
    every = wanted_runs("abc", "alexnet_small", ["alexnet_small", "mlp_1x512"], [0.0, 0.5, 1.0])
    assert len(every) == len(set(every)) == 6 + 3


@pytest.mark.parametrize(
    ("corruptions", "partial"), [([0.0, 0.2, 0.4, 0.6, 1.0], 0.4), ([0.0, 0.9, 1.0, None], 0.9), ([0.0, 1.0], None)]
)
def test_the_partial_corruption_of_panel_a_is_the_point_nearest_to_one_half(corruptions, partial) -> None:
    assert partial_corruption(corruptions) == partial


def test_without_a_point_between_panel_a_has_five_conditions() -> None:
    assert len(wanted_runs("a", "mlp_1x512", [], [0.0, 1.0])) == 5


@pytest.mark.parametrize("labels", ["true", "random"])
def test_in_full_the_ends_of_panel_b_are_the_models_of_table_1(labels: str) -> None:
    end = 1.0 if labels == "random" else 0.0
    for network in figure1.NETWORKS:
        name = network + ("-random" if labels == "random" else "")
        (of_the_table,) = (each for each in rows_of_the_table() if each.name == name)
        of_the_figure = recipe_of(Run.with_labels_corrupted(network, end), IN_FULL, None, "cpu")
        assert of_the_figure.key == of_the_table.recipe(IN_FULL, None, "cpu").key


def test_a_point_between_corrupts_so_many_labels_and_nothing_else_differs() -> None:
    partial = recipe_of(Run.with_labels_corrupted("mlp_1x512", 0.3), IN_FULL, None, "cpu")
    assert (partial.condition, partial.corrupted_fraction) == ("corrupted_labels", 0.3)
    random = recipe_of(Run.with_labels_corrupted("mlp_1x512", 1.0), IN_FULL, None, "cpu")
    assert dataclasses.replace(random, condition="corrupted_labels", corrupted_fraction=0.3) == partial


def test_on_a_part_of_the_images_training_stops_when_they_are_fitted() -> None:
    for condition in ("true_labels", "gaussian"):
        assert recipe_of(Run("mlp_1x512", condition), A_PART, None, "cpu").stop_loss > 0  # type: ignore[arg-type]


def test_options_are_read_and_true_labels_are_always_a_point() -> None:
    assert chosen_panels("c, a".replace(" ", "")) == "ac"
    assert chosen_networks("mlp_1x512, alexnet_small") == ["mlp_1x512", "alexnet_small"]
    assert chosen_points("1,0.3") == [0.0, 0.3, 1.0]


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--panels", "a,d"], "--panels is 'a,d'; expected some of a, b, c"),
        (["--points", "0,1.5"], "--points is '0,1.5'; expected probabilities"),
        (["--points", "half"], "--points is 'half'"),
        (["--networks", "mlp_1x512,resnet"], "--networks resnet is not a network of the paper's"),
        (["--network", "resnet"], "--network resnet is not a network of the paper's"),
    ],
)
def test_an_option_that_cannot_be_is_refused_before_any_data_are_read(tmp_path, option, sentence) -> None:
    result = CliRunner().invoke(main, ["paper", "figure1", *option, "--cache-dir", str(tmp_path)])
    assert result.exit_code == 2 and sentence in result.output


# The command


FEW = ["--network=mlp_1x512", "--networks=mlp_1x512", "--points=0,0.5,1", "--epochs=2"]


def trained_here(folder: Path, num_train: int = 0) -> list[Any]:
    """The models of FEW, in the store that `options` names."""
    settings = make_settings(str(folder / "cache"), str(folder / "data"), workers=1)
    data = cifar10(settings.data_dir, settings.cache_dir, num_train)
    runs = wanted_runs("abc", "mlp_1x512", ["mlp_1x512"], [0.0, 0.5, 1.0])
    recipes = [recipe_of(run, data, 2, "cpu") for run in runs]
    train_here(recipes, settings)
    return recipes


def content(folder: Path) -> Any:
    return json.loads((folder / "out" / "figure1.json").read_text())


@pytest.mark.slow
def test_the_command_writes_rows_and_figure_from_what_is_in_the_store(tmp_path: Path) -> None:
    folders = options(tmp_path)
    recipes = trained_here(tmp_path)
    result = CliRunner().invoke(main, ["paper", "figure1", *FEW, *folders])
    assert result.exit_code == 0, result.output
    rows = content(tmp_path)["rows"]
    assert {each["model"] for each in rows} == {recipe.key for recipe in recipes}
    assert [each["corruption"] for each in rows] == [0, 0.5, 1, None, None, None]
    assert all(len(each["curve"]["steps"]) == 2 for each in rows)
    assert "| `mlp_1x512-gaussian` | 40 | 2 |" in result.output
    assert (tmp_path / "out" / "figure1.svg").exists() and (tmp_path / "out" / "figure1.png").exists()


@pytest.mark.slow
def test_other_images_are_rows_beside_and_no_part_of_the_figure(tmp_path: Path) -> None:
    folders = options(tmp_path)
    trained_here(tmp_path)
    trained_here(tmp_path, num_train=20)
    for few in ([], ["--num-train=20", "--panels=b,c"]):
        result = CliRunner().invoke(main, ["paper", "figure1", *FEW, *few, *folders])
        assert result.exit_code == 0, result.output
    rows = content(tmp_path)["rows"]
    assert [each["num_train"] for each in rows] == [40] * 6 + [20] * 3
    assert {each["run"] for each in rows if each["num_train"] == 20} == {"on a subset"}
    assert "| 40 |" not in result.output
    assert (tmp_path / "out" / "figure1bc.svg").exists()


@pytest.mark.slow
def test_rows_are_written_after_every_model_and_a_later_run_adds_to_them(tmp_path: Path, monkeypatch) -> None:
    folders = options(tmp_path)
    trained_here(tmp_path)

    def interrupted(recipes: Any, settings: Any, say: Any, stored: Any) -> None:
        for recipe in list(recipes)[:2]:
            stored(recipe)
        raise HarnessError("interrupted")

    with monkeypatch.context() as patched:
        patched.setattr(figure1, "build", interrupted)
        assert CliRunner().invoke(main, ["paper", "figure1", *FEW, *folders]).exit_code == 2
    assert [each["corruption"] for each in content(tmp_path)["rows"]] == [0, 0.5]
    assert CliRunner().invoke(main, ["paper", "figure1", *FEW, *folders]).exit_code == 0
    assert len(content(tmp_path)["rows"]) == 6


@pytest.mark.long
@pytest.mark.slow
def test_the_command_trains_what_is_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["paper", "figure1", "--quick", *FEW, "--num-train=20", *options(tmp_path)])
    assert result.exit_code == 0, result.output
    assert len(content(tmp_path)["rows"]) == 6
