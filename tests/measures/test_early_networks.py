"""The networks of early training, and what is said where there is none."""

import dataclasses

import pytest
import torch

from measures.dynamics.early_difficulty import el2n_score
from measures.early_networks import early_networks, first_epochs_network
from measures.errors import NotApplicable
from measures.gradients.fisher_trace import early_fisher_trace
from tests.builders.models import history_of, random_network, with_snapshots


@pytest.mark.parametrize(
    ("epochs", "sentence"),
    [
        (1, "^no network from early in training was kept: it stopped in its first epoch$"),
        (5, "^no network from early in training was kept, of 5 epochs of training$"),
    ],
)
def test_where_there_is_none_it_is_said_whether_training_was_long_enough(epochs: int, sentence: str) -> None:
    trained = random_network("mlp_1x4", 0)
    trained = dataclasses.replace(trained, history=history_of(epochs=epochs, num_train=20))
    for reads_them in (early_networks, first_epochs_network, el2n_score, early_fisher_trace):
        with pytest.raises(NotApplicable, match=sentence):
            reads_them(trained)


def test_they_are_the_snapshots_and_the_first_is_of_the_first_epoch() -> None:
    trained = random_network("mlp_1x4", 0)
    snapped = with_snapshots(trained, trained.init, trained.model)
    assert [epoch for epoch, _ in early_networks(snapped)] == [1, 2]
    assert torch.equal(first_epochs_network(snapped)(trained.inputs), trained.init(trained.inputs))
    history = dataclasses.replace(snapped.history, snapshot_epochs=torch.tensor([2, 4]))
    with pytest.raises(NotApplicable, match="of the end of epoch 2, not of the first"):
        first_epochs_network(dataclasses.replace(snapped, history=history))
