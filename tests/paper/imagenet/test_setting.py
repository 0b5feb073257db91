"""Table 2's settings: the rate, the weight decay and the network of a row."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.paper.imagenet import train as imagenet_train
from harness.paper.imagenet.setting import inception_v3, learning_rate, optimizer
from harness.paper.imagenet.table2 import toggles
from tests.builders.image_training import SETTING, SIZE, normalized_network, plain_network, run
from tests.builders.paper.imagenet_rows import STILL


def test_the_rate_warms_up_over_five_epochs_and_falls_after_every_other() -> None:
    """Ten steps an epoch; a peak of 0.1 · 512 / 256."""
    setting = dataclasses.replace(SETTING, learning_rate=0.1, batch_size=512)
    rates = [learning_rate(setting, step, 10) for step in range(100)]
    assert rates[0] == pytest.approx(0.2 / 50)
    assert rates[24] == pytest.approx(0.2 * 25 / 50 * 0.94)
    assert rates[49] == pytest.approx(0.2 * 0.94**2)
    assert rates[50:60] == pytest.approx([0.2 * 0.94**2] * 10)
    assert rates[60:80] == pytest.approx([0.2 * 0.94**3] * 20)
    assert rates[99] == pytest.approx(0.2 * 0.94**4)


def test_weight_decay_is_on_weights_alone_and_on_none_when_it_is_off() -> None:
    model = normalized_network(3, SIZE, 0.0, 0)
    for on, expected in ((True, 4e-5), (False, 0.0)):
        decay = {
            id(parameter): group["weight_decay"]
            for group in optimizer(model, dataclasses.replace(SETTING, weight_decay=on)).param_groups
            for parameter in group["params"]
        }
        for name, parameter in model.named_parameters():
            assert decay[id(parameter)] == (expected if name in ("0.weight", "6.weight") else 0.0)


def test_inception_v3_has_its_auxiliary_classifier_where_the_images_are_large_enough() -> None:
    with torch.device("meta"):
        large, small = inception_v3(7, 299, 0.2, 0), inception_v3(7, 298, 0.0, 0)
    assert large.AuxLogits is not None
    assert small.AuxLogits is None
    assert (large.dropout.p, small.dropout.p) == (0.2, 0.0)
    assert large.fc.out_features == large.AuxLogits.fc.out_features == 7
    assert not large.transform_input
    assert sum(each.numel() for each in inception_v3_weights_of_the_original()) == 27_161_264
    with pytest.raises(HarnessError, match="--image-size is 74; inception_v3 needs 75 or more"):
        inception_v3(7, 74, 0.0, 0)


def inception_v3_weights_of_the_original() -> list[Tensor]:
    with torch.device("meta"):
        return list(inception_v3(1000, 299, 0.2, 0).parameters())


@pytest.mark.slow
def test_inception_v3_starts_from_the_seed_and_leaves_the_global_stream_alone() -> None:
    state = torch.get_rng_state()
    first, again, other = (inception_v3(3, 75, 0.0, seed).fc.weight for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_auxiliary_loss_counts_two_fifths() -> None:
    logits, auxiliary = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 0, 1])
    by_hand = [-(each.log_softmax(dim=1)[range(5), labels]).mean() for each in (logits, auxiliary)]
    assert imagenet_train._loss((logits, auxiliary), labels) == pytest.approx(by_hand[0] + 0.4 * by_hand[1])
    assert imagenet_train._loss(logits, labels) == pytest.approx(by_hand[0])


@pytest.mark.parametrize(("name", "dropout"), [("inception_v3", 0.0), ("inception_v3-dropout-random", 0.2)])
def test_the_network_is_built_for_the_row(name: str, dropout: float, root: Path) -> None:
    asked = []

    def network(*arguments: Any) -> nn.Module:
        asked.append(arguments)
        return plain_network(*arguments)

    run(root, dataclasses.replace(STILL, **toggles(name), seed=4), network=network)
    assert asked == [(3, SIZE, dropout, 4)]
