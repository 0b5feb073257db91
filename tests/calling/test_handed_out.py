"""What a stranger's measure is given is the model, less what names it."""

import copy
import dataclasses

import pytest
import torch

from harness.calling.handed_out import handed_out, seed_of
from harness.calling.noise_on_inputs import NOISE
from harness.calling.request import pack, unpack
from measures.errors import NotApplicable
from measures.history import History
from measures.trained_model import TrainedModel
from tests.builders.models import no_snapshots, random_network


@pytest.fixture
def twins() -> tuple[TrainedModel, TrainedModel]:
    """Two models that began alike, with other labels, weights and histories."""
    one = random_network("mlp_1x8", 0)
    other = copy.deepcopy(one)
    with torch.no_grad():
        next(other.model.parameters()).add_(1.0)
    history = History(
        train_loss=torch.tensor([1.0, 0.5, 0.1]),
        train_error=torch.tensor([0.5, 0.2, 0.0]),
        correct=torch.rand(3, 20) < 0.5,
        learning_rates=torch.tensor([0.4, 0.4, 0.2, 0.2, 0.1]),  # two steps an epoch, and one in the last
        snapshot_epochs=no_snapshots()[0],
        snapshots=no_snapshots()[1],
    )
    other = dataclasses.replace(other, labels=(other.labels + 1) % 3, history=history, seed=5)
    return one, other


def order_of(given: TrainedModel, trained: TrainedModel) -> torch.Tensor:
    """Which example each of the given ones is: the one nearest to it."""
    return torch.cdist(given.inputs.flatten(1), trained.inputs.flatten(1)).argmin(dim=1)


def test_examples_keep_their_labels_and_their_history_in_another_order(
    twins: tuple[TrainedModel, TrainedModel],
) -> None:
    for trained in twins:
        given = handed_out(trained)
        order = order_of(given, trained)
        assert sorted(order.tolist()) == [*range(20)] != order.tolist()
        assert torch.equal(given.labels, trained.labels[order])
        assert torch.equal(given.history.correct, trained.history.correct[:, order])


def test_the_noise_on_inputs_is_small_and_everywhere(twins: tuple[TrainedModel, TrainedModel]) -> None:
    trained = twins[0]
    given = handed_out(trained)
    noise = given.inputs - trained.inputs[order_of(given, trained)]
    assert float(noise.std()) == pytest.approx(NOISE * float(trained.inputs.std()), rel=0.1)
    assert bool((noise != 0).all())


def test_twins_have_the_same_seed_order_and_noise(twins: tuple[TrainedModel, TrainedModel]) -> None:
    one, other = map(handed_out, twins)
    assert one.seed == other.seed == seed_of(twins[0].init)
    assert one.seed not in (twins[0].seed, twins[1].seed)
    assert torch.equal(one.inputs, other.inputs)
    assert torch.equal(one.generator().get_state(), other.generator().get_state())


def test_networks_that_began_otherwise_have_another_seed() -> None:
    seeds = {seed_of(random_network("mlp_1x8", number).init) for number in range(4)}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**56 for seed in seeds)


def test_epochs_are_counted_and_steps_are_not(twins: tuple[TrainedModel, TrainedModel]) -> None:
    history = handed_out(twins[1]).history
    assert history.epochs == 3
    assert torch.equal(history.learning_rates, torch.tensor([0.4, 0.2, 0.1]))  # at the beginning of each epoch
    with pytest.raises(NotApplicable, match="the number of steps is not told to a measure from outside the project"):
        print(history.steps)


def test_extra_state_of_a_module_is_not_part_of_the_seed() -> None:
    class Keeping(torch.nn.Linear):
        def get_extra_state(self) -> dict[str, int]:
            return {"version": 1}

        def set_extra_state(self, state: dict[str, int]) -> None:
            pass

    plain, keeping = torch.nn.Linear(3, 2), Keeping(3, 2)
    keeping.load_state_dict(plain.state_dict(), strict=False)
    assert seed_of(keeping) == seed_of(plain)


def test_the_model_that_is_handed_out_is_left_as_it_was(twins: tuple[TrainedModel, TrainedModel]) -> None:
    trained = twins[0]
    inputs, labels, state = trained.inputs.clone(), trained.labels.clone(), torch.get_rng_state()
    given = handed_out(trained)
    assert torch.equal(trained.inputs, inputs) and torch.equal(trained.labels, labels)
    assert torch.equal(torch.get_rng_state(), state)
    assert given.model is trained.model
    again = handed_out(trained)
    assert torch.equal(given.inputs, again.inputs) and torch.equal(given.labels, again.labels)


def test_what_is_handed_out_lies_in_no_larger_memory(twins: tuple[TrainedModel, TrainedModel]) -> None:
    """A tensor's memory goes along with it, and of two steps an epoch would tell the steps."""
    given = unpack(pack(handed_out(twins[1])))
    history = [getattr(given.history, field.name) for field in dataclasses.fields(History)]
    for tensor in (given.inputs, given.labels, *history):
        assert tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()


def test_normalization_layers_count_epochs_and_not_steps() -> None:
    trained = random_network("convnet_bn", 0)
    (counter,) = {name for name in trained.model.state_dict() if name.endswith("1.num_batches_tracked")}
    trained.model.state_dict()[counter].fill_(777)
    given = handed_out(trained)
    assert int(given.model.state_dict()[counter]) == trained.history.epochs < 777
    assert int(given.init.state_dict()[counter]) == 0
    assert int(trained.model.state_dict()[counter]) == 777
    assert torch.equal(given.model(given.inputs), trained.model(given.inputs))
