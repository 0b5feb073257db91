"""A user's own networks and data, of any shape, are trained, kept and loaded as this project's are."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from harness.errors import HarnessError
from harness.settings import Settings
from harness.store.retrained import retrained
from harness.store.store import Store
from harness.training.batches import Examples
from harness.training.checkpoint import Checkpoint
from harness.training.declaring import data_set, network, open_declarations
from harness.training.examples import data_set as data_of
from harness.training.group_training import fit_group
from harness.training.recipe import CONDITIONS, Recipe
from harness.training.stopping import TOLERANCE
from harness.training.train import fit, train

SHAPES = {"table": (7,), "signal": (2, 12), "image": (1, 4, 4), "film": (2, 3, 4, 4)}


class Tied(nn.Module):
    """Two names of one weight, a parameter that is not used, and draws in training that no module shows."""

    def __init__(self, features: int, classes: int):
        super().__init__()
        self.first = nn.Linear(features, 32)
        self.second, self.third = nn.Linear(32, 32), nn.Linear(32, 32)
        self.third.weight = self.second.weight
        self.last, self.unused = nn.Linear(32, classes), nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.first(x.flatten(1)).relu()
        if self.training:
            hidden = hidden * (1 + 0.3 * torch.randn_like(hidden))
        return self.last(hidden + self.third(self.second(hidden).relu()))


@network
def tied(input_shape: tuple[int, ...], num_classes: int) -> nn.Module:
    return Tied(int(torch.Size(input_shape).numel()), num_classes)


def made(shape: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = torch.randn(90, *shape, generator=torch.Generator().manual_seed(0))
    return inputs, inputs.flatten(1)[:, 0].gt(0).long() + inputs.flatten(1)[:, 1].gt(0).long()


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> Iterator[tuple[int, ...]]:
    """Of one example; a data set of such examples is opened."""
    shape = SHAPES[request.param]

    @data_set
    def of_a_shape(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
        return made(shape)

    open_declarations("a test", [tied, of_a_shape])
    yield shape
    open_declarations("", ())


@pytest.fixture
def table() -> Iterator[None]:
    @data_set
    def of_a_shape(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
        return made((7,))

    open_declarations("a test", [tied, of_a_shape])
    yield
    open_declarations("", ())


def recipe(**fields: object) -> Recipe:
    given = {"data_set": "of_a_shape", "network": "tied", "network_code": tied.code, "learning_rate": 0.05, "seed": 3}
    return Recipe(**{**given, "batch_size": 16, "num_train": 50, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_condition_has_its_meaning_for_inputs_of_any_shape(shape: tuple[int, ...], condition: str) -> None:
    fraction = 0.5 if condition == "corrupted_labels" else 0.0
    natural = data_of(recipe(), Path())
    found = data_of(recipe(condition=condition, corrupted_fraction=fraction), Path())
    assert found.train_inputs.shape == (50, *shape) and found.test_inputs.shape == (18, *shape)
    assert torch.equal(found.train_inputs, natural.train_inputs) == (condition not in ("gaussian", *PERMUTED))
    if condition in PERMUTED:
        ours, theirs = (each.train_inputs.flatten(1).sort(dim=1).values for each in (found, natural))
        torch.testing.assert_close(ours, theirs)


PERMUTED = ("shuffled_pixels", "random_pixels")


@pytest.mark.parametrize("condition", PERMUTED)
def test_channels_of_a_position_stay_together(condition: str) -> None:
    @data_set
    def of_a_shape(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
        inputs, labels = made((1, 12))
        return torch.cat([inputs, 2 * inputs], dim=1), labels

    open_declarations("a test", [of_a_shape])
    found = data_of(recipe(condition=condition), Path()).train_inputs
    one, other = (part - part.mean() for part in (found[:, 0], found[:, 1]))
    torch.testing.assert_close(other, 2 * one, rtol=1e-4, atol=1e-4)
    open_declarations("", ())


def test_it_stops_at_the_loss_in_evaluation_mode_though_it_draws_in_training(shape: tuple[int, ...]) -> None:
    result, outcome, _ = train(recipe(condition="random_labels", learning_rate=0.02), Path())
    assert outcome.fitted and outcome.train_loss is not None
    assert 0.01 * (1 - TOLERANCE) <= outcome.train_loss <= 0.01
    assert result.history.train_loss[-1] > 0.01  # what was seen while it drew


def test_what_it_draws_is_a_function_of_the_recipe_and_not_of_the_process(table: None) -> None:
    ends = []
    for draws in (0, 5):
        torch.rand(draws)
        ends.append(train(recipe(max_epochs=3), Path())[0].model.state_dict())
    assert all(torch.equal(tensor, ends[1][name]) for name, tensor in ends[0].items())


class Killed(Exception):
    pass


@pytest.mark.parametrize(
    "fields", [{}, {"optimizer": "adamw", "learning_rate": 0.01, "clip_norm": 1.0, "warmup_epochs": 1}], ids=str
)
def test_it_is_taken_up_again_bit_for_bit(fields: dict[str, object], table: None, tmp_path: Path) -> None:
    wanted = recipe(max_epochs=6, stop_loss=0.0, **fields)
    whole, _, _ = train(wanted, Path())
    steps = iter(range(14))

    def die() -> None:
        if next(steps, None) is None:
            raise Killed

    with pytest.raises(Killed):
        train(wanted, Path(), checkpoint=Checkpoint(tmp_path / "c", 0.0), after_step=die)
    torch.rand(7)
    again, _, _ = train(wanted, Path(), checkpoint=Checkpoint(tmp_path / "c", 0.0))
    assert again.history.steps == whole.history.steps == 24
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], tensor), name
    assert torch.equal(again.history.train_loss, whole.history.train_loss)


def test_it_is_stored_and_loaded_with_the_weights_that_it_ties(table: None, settings: Settings) -> None:
    store, wanted = Store(settings.cache_dir), recipe(max_epochs=2)
    result, outcome, data = train(wanted, Path())
    store.publish(wanted, result, outcome, data)
    loaded = store.load(wanted, Path())
    assert loaded.model.second.weight is loaded.model.third.weight
    with torch.no_grad():
        assert torch.equal(loaded.model(data.train_inputs), result.model(data.train_inputs))
    again = loaded.retrain(data.train_inputs, data.train_labels, max_epochs=1)
    from_disk = retrained(store.retrained, wanted, 3, data.train_inputs, data.train_labels, max_epochs=1)
    assert all(torch.equal(tensor, from_disk.state_dict()[name]) for name, tensor in again.state_dict().items())


def test_a_network_that_draws_is_not_trained_in_a_group_which_says_so(table: None) -> None:
    recipes = [dataclasses.replace(recipe(), seed=seed) for seed in (1, 2)]
    data = [data_of(each, Path()) for each in recipes]
    with pytest.raises(RuntimeError, match="random"):
        fit_group(recipes, [(each.train_inputs, each.train_labels) for each in data], 3)


@network
def plain(input_shape: tuple[int, ...], num_classes: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(7, 16), nn.ReLU(), nn.Linear(16, num_classes))


def test_one_that_does_not_is_trained_in_a_group_as_alone(table: None) -> None:
    @data_set
    def of_a_shape(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
        return made((7,))

    open_declarations("a test", [plain, of_a_shape])
    fields = {"network": "plain", "network_code": plain.code, "optimizer": "adam", "learning_rate": 0.01}
    recipes = [recipe(seed=seed, max_epochs=2, **fields) for seed in (1, 2)]
    data = [data_of(each, Path()) for each in recipes]
    together = fit_group(recipes, [(each.train_inputs, each.train_labels) for each in data], 3)
    for each, examples, found in zip(recipes, data, together, strict=True):
        alone = fit(each, Examples(examples.train_inputs, examples.train_labels, 3))
        for ours, theirs in zip(found.model.parameters(), alone.model.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("fields", [{"crop": 2}, {"random_crop": 1}], ids=str)
def test_images_alone_can_be_cropped(fields: dict[str, object], table: None) -> None:
    with pytest.raises(HarnessError, match=r"inputs of shape \(7,\) are not images: "):
        train(recipe(**fields), Path())


def test_a_recipe_that_names_no_code_of_its_data_still_reads_them_and_one_of_another_code_is_refused(
    table: None,
) -> None:
    older = recipe()
    assert len(data_of(older, Path()).train_labels) == 50
    with pytest.raises(HarnessError, match="the data set of_a_shape is not what it was when the run was started, or"):
        data_of(dataclasses.replace(older, data_code="0" * 64), Path())
