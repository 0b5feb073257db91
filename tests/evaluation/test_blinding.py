"""A part of a trained model is hidden, all else is as it is, and what was computed from the part is gone."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from harness.evaluation.blinding import PARTS, Blinded, Part, as_recipe
from harness.evaluation.evaluate import evaluate
from harness.evaluation.load_model import load_received
from harness.evaluation.measure_lookup import find_measures
from harness.settings import Settings, make_settings
from harness.training.recipe import Recipe
from harness.zoo.build import build
from harness.zoo.zoo import twins
from measures import NotApplicable
from measures.history import flat_state
from measures.trained_model import TrainedModel
from tests.builders.models import history_of, random_network, trained_model
from tests.conftest import TINY

pytestmark = pytest.mark.usefixtures("own_registry")

NATURAL = Recipe(data_set="digits", network="convnet_bn", learning_rate=0.1, seed=3)
RANDOMIZED = dataclasses.replace(NATURAL, condition="random_labels")


def hidden(part: Part, recipe: Recipe = RANDOMIZED, computed: bool = True) -> tuple[TrainedModel, TrainedModel]:
    """Such a model as it is and without the part; `computed`: all that measures share is computed of it before."""
    networks = {
        NATURAL: random_network("convnet_bn", 1, dtype=torch.float32),
        RANDOMIZED: random_network("convnet_bn", 2, dtype=torch.float32),
    }
    networks = {
        name: trained_model(
            found.model,
            found.inputs,
            found.labels,
            init=networks[NATURAL].init,  # twins begin alike
            num_classes=3,
            history=history_of(epochs=2 + number, num_train=20),
            retrain_function=lambda inputs, labels, reseed: nn.Identity(),
        )
        for number, (name, found) in enumerate(networks.items())
    }
    whole = networks[recipe]
    if computed:
        _ = whole.logits, whole.margins, whole.features, whole.layers, whole.hidden_features
    return whole, Blinded(recipe, part, NATURAL, "").made(networks.__getitem__)


def unchanged(whole: TrainedModel, blinded: TrainedModel, *parts: str) -> None:
    kept = [field.name for field in dataclasses.fields(whole) if field.name not in parts]
    assert [name for name in kept if getattr(whole, name) is not getattr(blinded, name)] == []


@pytest.mark.parametrize("part", ["network", "network_and_history"])
def test_without_the_network_it_is_the_one_before_training_and_so_is_all_that_follows_from_it(part: Part) -> None:
    whole, blinded = hidden(part)
    assert torch.equal(flat_state(blinded.model), flat_state(whole.init))
    with torch.no_grad():
        assert torch.equal(blinded.logits, whole.init(whole.inputs))
    assert not torch.allclose(blinded.margins, whole.margins)
    assert not torch.allclose(blinded.features, whole.features)
    assert not torch.allclose(blinded.hidden_features[0], whole.hidden_features[0])
    for layer, trained in zip(blinded.layers, whole.layers, strict=True):
        assert torch.equal(layer.weight, layer.init_weight)
        assert torch.equal(layer.init_weight, trained.init_weight)
    unchanged(whole, blinded, "model", *(["history"] if part != "network" else []))


def test_the_network_in_its_place_shares_nothing_with_init() -> None:
    _, blinded = hidden("network")
    with torch.no_grad():
        for parameter in blinded.model.parameters():
            parameter.add_(1.0)
    assert not torch.equal(flat_state(blinded.model), flat_state(blinded.init))


def test_without_history_it_has_that_of_its_natural_twin() -> None:
    whole, blinded = hidden("history")
    assert (whole.history.epochs, blinded.history.epochs) == (3, 2)
    unchanged(whole, blinded, "history")


def test_other_initial_weights_are_fresh_the_same_for_twins_and_drawn_in_peace() -> None:
    before = torch.random.get_rng_state()
    (whole, one), (_, other) = hidden("initial_weights"), hidden("initial_weights", NATURAL)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(flat_state(one.init), flat_state(other.init))
    assert not torch.allclose(flat_state(one.init), flat_state(whole.init))
    assert not one.init.training
    layer, initial = one.layers[0], whole.layers[0].init_weight
    assert not torch.allclose(layer.init_weight, initial)
    unchanged(whole, one, "init")


def test_without_retraining_there_is_a_sentence_in_its_place() -> None:
    whole, blinded = hidden("retraining")
    with pytest.raises(NotApplicable, match="without a way to train them again"):
        blinded.retrain(*blinded.sample(3))
    unchanged(whole, blinded, "retrain_function")


def test_a_kept_value_is_of_its_part_and_where_history_is_hidden_of_the_natural_twin() -> None:
    keys = {part: Blinded(RANDOMIZED, part, NATURAL, "one").key for part in PARTS}
    others = {part: Blinded(RANDOMIZED, part, NATURAL, "another").key for part in PARTS}
    assert len({*keys.values(), RANDOMIZED.key}) == len(PARTS) + 1
    assert [part for part in PARTS if keys[part] != others[part]] == ["history", "network_and_history"]


@pytest.fixture(scope="module")
def stored(shared_cache: Path) -> tuple[Settings, tuple[Recipe, Recipe], dict[Part, Blinded]]:
    """A randomized model of the tiny zoo, and what it is without each part."""
    settings = make_settings(cache_dir=str(shared_cache), workers=1, measure_timeout=60)
    twin = twins(TINY, "random_labels")[0]
    there = build([twin.natural, twin.randomized], settings, progress=False)
    weights = there[twin.natural].weights_sha256
    both = twin.natural, twin.randomized
    return settings, both, {part: Blinded(twin.randomized, part, twin.natural, weights) for part in PARTS}


@pytest.mark.slow
def test_a_stranger_sees_no_more_than_ever_and_the_same_examples_in_the_same_order(
    stored: tuple[Settings, tuple[Recipe, Recipe], dict[Part, Blinded]],
) -> None:
    settings, (natural, randomized), blinded = stored
    received = load_received(randomized, settings, lambda payload: None, stranger=True)
    history = load_received(natural, settings, lambda payload: None, stranger=True).history
    for part, model in blinded.items():
        given = load_received(as_recipe(model), settings, lambda payload: None, stranger=True)
        assert torch.equal(given.inputs, received.inputs)
        assert torch.equal(given.labels, received.labels)
        assert given.seed == received.seed != randomized.seed
        with pytest.raises(NotApplicable, match="number of steps"):
            _ = given.history.steps
        expected = history if part in ("history", "network_and_history") else received.history
        assert torch.equal(given.history.correct, expected.correct)


STRANGERS = """
from measures import measure


@measure(source="a test")
def largest_weight_of_a_stranger(trained):
    return max(float(weight.abs().max()) for weight in trained.model.parameters())


@measure(source="a test")
def error_of_a_retrained_one(trained):
    network = trained.retrain(*trained.sample(20), max_epochs=1)
    return float((network(trained.inputs).argmax(dim=1) != trained.labels).float().mean())
"""


@pytest.mark.slow
def test_a_sealed_measure_gets_the_blinded_model_and_a_kept_value_is_used_again(
    stored: tuple[Settings, tuple[Recipe, Recipe], dict[Part, Blinded]], tmp_path: Path
) -> None:
    settings, (_, randomized), blinded = stored
    file = tmp_path / "strangers.py"
    file.write_text(STRANGERS)
    measures = find_measures([str(file)])
    there = build([randomized], settings, progress=False)[randomized]
    models = {randomized: there} | {as_recipe(model): there for model in blinded.values()}
    rows = evaluate(measures, models, [randomized], settings, progress=False)
    largest = {part: rows["largest_weight_of_a_stranger", as_recipe(model)].value for part, model in blinded.items()}
    whole = rows["largest_weight_of_a_stranger", randomized].value
    assert [part for part in PARTS if largest[part] != whole] == ["network", "network_and_history"]
    assert len({row.recipe for row in rows.values()}) == len(models)
    again = rows["error_of_a_retrained_one", as_recipe(blinded["retraining"])]
    assert again.status == "not_applicable"
    assert "without a way to train them again" in again.reason
    assert rows["error_of_a_retrained_one", as_recipe(blinded["network"])].status == "value"
    assert evaluate(measures, models, [], settings, progress=False) == rows
