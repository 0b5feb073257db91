"""A stranger's measure reads the function that was trained, or is told in one sentence that it cannot."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from harness.calling.handed_out import handed_out, seed_of
from measures.errors import NotApplicable
from measures.seeding import seeded_generator, standard_normal
from measures.trained_model import TrainedModel
from tests.builders.models import trained_model
from tests.builders.odd_networks.plain import CLASSES, Calling

EXAMPLES, COLUMNS = 60, 5


def predicting(forward: Callable[[Calling, Tensor], Tensor], inputs: Tensor, **parts: nn.Module) -> TrainedModel:
    """A model whose network has a training error of 0."""
    head = nn.Linear(COLUMNS, CLASSES)
    network = Calling(forward, **{"head": head, **parts}).eval()
    labels = network(inputs.clone()).argmax(dim=1)
    return trained_model(network, inputs, labels, num_classes=CLASSES)


def random_inputs() -> Tensor:
    torch.manual_seed(0)
    return torch.rand(EXAMPLES, COLUMNS)


def sparse_inputs() -> Tensor:
    return random_inputs().sub(0.5).relu()


def table() -> TrainedModel:
    """Columns from 0 to 1e5 beside those from 0 to 1; the network brings them to one size."""
    sizes = torch.tensor([1.0, 1e5, 1.0, 1e5, 1.0])
    return predicting(lambda self, x: self.head(x / sizes), random_inputs() * sizes)


def root() -> TrainedModel:
    return predicting(lambda self, x: self.head(x.sqrt()), sparse_inputs())


def logarithm() -> TrainedModel:
    return predicting(lambda self, x: self.head(x.log()), random_inputs() ** 4 * 1e-3 + 1e-9)


def not_zero() -> TrainedModel:
    return predicting(lambda self, x: self.head((x != 0).float()), sparse_inputs())


def signs() -> TrainedModel:
    return predicting(lambda self, x: self.head(x.sign()), sparse_inputs())


def tokens() -> TrainedModel:
    inputs = (random_inputs() * 7).floor()
    embed = nn.Embedding(7, 1)
    return predicting(lambda self, x: self.head(self.embed(x.long()).flatten(1)), inputs, embed=embed)


@pytest.mark.parametrize("make", [table, root, logarithm, not_zero, signs, tokens], ids=lambda make: make.__name__)
def test_the_network_predicts_the_labels_of_the_inputs_that_a_stranger_gets(make: Callable[[], TrainedModel]) -> None:
    given = handed_out(make())
    assert torch.equal(given.logits.argmax(dim=1), given.labels)


@pytest.mark.parametrize("make", [table, root, logarithm, not_zero, signs], ids=lambda make: make.__name__)
def test_no_example_has_the_bytes_that_it_had(make: Callable[[], TrainedModel]) -> None:
    trained = make()
    known = {row.numpy().tobytes() for row in trained.inputs if bool(row.any())}
    assert not known & {row.numpy().tobytes() for row in handed_out(trained).inputs}


def test_inputs_of_a_network_that_noise_does_not_change_have_the_noise_that_they_always_had() -> None:
    trained = predicting(lambda self, x: self.head(x), random_inputs())
    seed = seed_of(trained.init)
    noise = standard_normal(trained.inputs.shape, seeded_generator(seed, "noise on inputs"), trained.inputs)
    order = torch.randperm(EXAMPLES, generator=seeded_generator(seed, "order of examples"))
    always = (trained.inputs + 1e-4 * trained.inputs.std() * noise)[order]
    assert torch.equal(handed_out(trained).inputs, always)


def test_a_network_that_compares_numbers_bit_for_bit_is_not_given_to_a_stranger() -> None:
    inputs = random_inputs()
    trained = predicting(lambda self, x: self.head((x * 1e6).sin()), inputs)
    with pytest.raises(NotApplicable, match=r"changes its outputs by .* of their size.*standardized inputs"):
        handed_out(trained)


def test_a_network_that_raises_on_noise_is_not_given_to_a_stranger() -> None:
    inputs = random_inputs()
    known = {float(number) for number in inputs.flatten()}

    def forward(self: Calling, x: Tensor) -> Tensor:
        if not {float(number) for number in x.flatten()} <= known:
            raise KeyError("a number that is not in the table")
        return self.head(x)

    with pytest.raises(NotApplicable, match="the network does not run when its inputs have noise"):
        handed_out(predicting(forward, inputs))
