import pytest
import torch
import torch.nn.functional as F
from torch import nn

from measures import NotApplicable
from measures.function_space import _interpolated_inputs as segments
from measures.function_space._interpolated_inputs import along, between_examples
from tests.builders.models import trained_model
from tests.builders.small_networks import NETWORKS, randomly_labelled_network


@pytest.mark.parametrize("kind", NETWORKS)
def test_logits_and_switches_are_those_of_points_taken_one_at_a_time(kind):
    trained = randomly_labelled_network(kind)
    found = between_examples(trained)
    order = trained.random_order.tolist()
    assert found.logits.shape == (11, 32, 3)
    for number in (0, 3, 10):
        start, end = trained.inputs[order[number]], trained.inputs[order[number + 1]]
        previous, switches = None, 0
        for t in range(32):
            x = (start + (t + 0.5) / 32 * (end - start))[None]
            signs = []
            for module in trained.model:
                if isinstance(module, nn.ReLU):
                    signs += (x > 0).flatten().tolist()
                x = module(x)
            torch.testing.assert_close(found.logits[number, t], x[0].detach())
            if previous is not None:
                switches += sum(a != b for a, b in zip(signs, previous, strict=True))
            previous = signs
        assert int(found.switches[number]) == switches


def test_at_most_50_segments_are_looked_at():
    trained = trained_model(nn.Linear(2, 2), torch.randn(60, 2), torch.zeros(60, dtype=torch.int64))
    assert between_examples(trained).logits.shape == (segments.SEGMENTS, segments.POINTS, 2)


def test_the_hooks_go_when_the_network_raises():
    model = nn.Sequential(nn.ReLU(), nn.Linear(3, 2))
    with pytest.raises(RuntimeError, match="shapes"):
        along(model, torch.ones(1, 2), torch.ones(1, 2))
    assert not model[0]._forward_pre_hooks


def test_one_example_makes_no_line():
    with pytest.raises(NotApplicable, match="only one"):
        between_examples(trained_model(nn.Linear(2, 2), torch.randn(1, 2), torch.tensor([0])))


@pytest.mark.parametrize(
    "relu", [nn.ReLU(inplace=True), F.relu, torch.relu, torch.relu_, lambda x: x.relu(), lambda x: F.relu(input=x)]
)
def test_a_relu_is_seen_however_it_is_called(relu):
    class Called(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.relu = nn.Linear(3, 8), relu

        def forward(self, x):
            return self.relu(self.layer(x))

    torch.manual_seed(0)
    network, starts, ends = Called(), torch.randn(4, 3), torch.randn(4, 3)
    expected = along(nn.Sequential(network.layer, nn.ReLU()), starts, ends)
    assert torch.equal(along(network, starts, ends).switches, expected.switches)
    assert expected.switches.sum() > 0


@pytest.mark.parametrize("order", ["folded", "sequence first"])
def test_rows_of_an_example_are_counted_with_it_wherever_they_stand(order):
    class Rows(nn.Module):
        def __init__(self, order):
            super().__init__()
            self.row, self.order = nn.Linear(3, 8), order

        def forward(self, x):  # (m, 4, 3)
            if self.order == "folded":
                return self.row(x.reshape(-1, 3)).relu().view(len(x), -1)
            if self.order == "sequence first":
                return self.row(x.transpose(0, 1)).relu().transpose(0, 1).flatten(1)
            return self.row(x).relu().flatten(1)

    torch.manual_seed(0)
    network, plain, starts, ends = Rows(order), Rows("examples first"), torch.randn(4, 4, 3), torch.randn(4, 4, 3)
    plain.load_state_dict(network.state_dict())
    assert torch.equal(along(network, starts, ends).switches, along(plain, starts, ends).switches)


def test_switches_of_a_relu_that_sees_no_example_are_unknown_and_the_logits_are_known():
    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.scale = nn.Linear(3, 2), nn.Parameter(torch.ones(5))

        def forward(self, x):
            return self.layer(x).relu() * self.scale.relu().sum()

    found = along(Constant(), torch.randn(4, 3), torch.randn(4, 3))
    assert found.switches is None and found.logits.shape == (4, segments.POINTS, 2)
