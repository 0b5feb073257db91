"""The table of harness/training/README.md is of the zoo as it is."""

from pathlib import Path

import pytest

from harness.settings import Settings
from harness.training.recipe import Recipe
from harness.training.train import Outcome
from harness.zoo.networks_table import networks_table
from harness.zoo.zoo import Zoo
from harness.zoo.zoos import ZOOS
from tests.training.networks.fits_table import README, ZOOS_OF_THE_PAGE, marks, trained_here, write, written


def as_if_trained(recipe: Recipe) -> Outcome:
    return Outcome(0.01, 0.0, 0.1, 0.02, 10, 120, 1.0, True)


@pytest.mark.parametrize("name", ZOOS_OF_THE_PAGE)
def test_names_parameters_and_training_in_the_readme_are_those_of_the_zoo(name: str, settings: Settings) -> None:
    start, end = marks(name)
    shown = README.read_text().partition(start + "\n")[2].partition(end)[0].splitlines()
    expected = networks_table(ZOOS[name], settings, as_if_trained)
    assert len(shown) == len(expected) == 2 + len(ZOOS[name].units)
    assert shown[:2] == expected[:2]
    for ours, theirs in zip(shown[2:], expected[2:], strict=True):
        assert ours.split(" | ")[:3] == theirs.split(" | ")[:3]
        assert "fit" not in ours and "trained yet" not in ours


def test_a_table_takes_the_place_of_the_one_between_its_marks() -> None:
    start, end = marks("a")
    page = f"before\n{start}\n| old |\n{end}\nafter\n"
    assert written(page, "a", ["| x |", "| y |"]) == f"before\n{start}\n| x |\n| y |\n{end}\nafter\n"
    with pytest.raises(AssertionError, match="stand in the README"):
        written(page, "b", [])


def test_what_is_written_was_trained(tmp_path: Path, settings: Settings) -> None:
    zoo = Zoo("two", "digits", {"mlp_1x64": 0.3}, seeds_per_network=1, num_train=100)
    page = tmp_path / "README.md"
    page.write_text("\n".join(marks("two")))
    write(zoo, settings, page)
    assert "| `mlp_1x64` | 4,810 | sgd 0.3 |" in page.read_text()
    seen = networks_table(zoo, settings, trained_here(settings))[2].split(" | ")
    assert [cell.split(" / ")[0] for cell in page.read_text().splitlines()[3].split(" | ")[3:7]] == [
        cell.split(" / ")[0] for cell in seen[3:7]
    ]
