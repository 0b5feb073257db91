"""One line to a natural network and its randomized twin, as a measure from outside the project receives them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from harness import load_model, twins
from harness.errors import HarnessError
from harness.zoo.unit import Unit
from harness.zoo.zoo import Zoo
from measures import NotApplicable

pytestmark = pytest.mark.usefixtures("tiny_zoo")


def test_twins_began_alike_and_one_of_them_learned_other_labels(shared_cache: Path) -> None:
    natural, randomized = twins("tiny", cache_dir=str(shared_cache))
    for one, other in zip(natural.init.parameters(), randomized.init.parameters(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(natural.inputs, randomized.inputs) and not torch.equal(natural.labels, randomized.labels)
    assert natural.margins.min() > 0 and randomized.margins.min() > 0
    with pytest.raises(NotApplicable, match="not told to a measure from outside the project"):
        _ = natural.history.steps


def test_the_network_and_which_of_its_twins_can_be_chosen(shared_cache: Path) -> None:
    units = [Unit("digits", "mlp_1x64", 0.3), Unit("digits", "mlp_1x128", 0.3), Unit("noisy_digits", "mlp_1x64", 0.3)]
    zoo, folder = Zoo("three", units=units, seeds_per_network=2, num_train=100), str(shared_cache)
    first, second = (twins(zoo, "gaussian", "mlp_1x128", number, cache_dir=folder)[1] for number in (0, 1))
    assert first.model[1].out_features == second.model[1].out_features == 128  # type: ignore[index, union-attr]
    assert not torch.equal(first.inputs, second.inputs)
    assert twins(zoo, "gaussian", "mlp_1x64", cache_dir=folder)[0].inputs.shape[-1] == 8
    assert twins(zoo, "gaussian", "noisy_digits-mlp_1x64", cache_dir=folder)[0].inputs.shape[-1] == 12


def test_a_network_is_loaded_by_the_name_that_the_list_has(shared_cache: Path) -> None:
    natural, _ = twins("tiny", cache_dir=str(shared_cache))
    loaded = load_model("digits-mlp_1x64-true_labels-n100-seed0", "tiny", cache_dir=str(shared_cache))
    assert torch.equal(loaded.logits, natural.logits)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda **folder: twins("tinny", **folder), "unknown zoo 'tinny'; did you mean 'tiny'"),
        (
            lambda **folder: twins("tiny", "random_lables", **folder),
            "the tiny zoo has no condition 'random_lables'; did you mean 'random_labels'? known: random_labels, random",
        ),
        (
            lambda **folder: twins("tiny", network="mlp_1x46", **folder),
            "the tiny zoo has no network 'mlp_1x46'; did you mean 'mlp_1x96'? known: mlp_1x112, ",
        ),
        (lambda **folder: twins("tiny", number=5, **folder), "number is 5; mlp_1x64 has twins 0 to 0 in the tiny zoo"),
        (
            lambda **folder: load_model("digits-mlp_1x64-true_labels-n100-seed99", "tiny", **folder),
            "the tiny zoo has no model 'digits-mlp_1x64-true_labels-n100-seed99'; did you mean 'digits-mlp_1x64-",
        ),
        (lambda **folder: twins(cache_dir="/proc/nowhere"), "choose another with cache_dir or SHATTERPROOF_CACHE"),
    ],
)
def test_what_is_not_there_is_named_with_what_is_near(
    call: Callable[..., object], sentence: str, shared_cache: Path
) -> None:
    with pytest.raises(HarnessError) as caught:
        call(cache_dir=str(shared_cache))
    assert sentence in str(caught.value)
