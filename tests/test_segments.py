import pytest
import torch
from torch import nn

from harness import segments
from harness.segments import along, between_examples
from measures import NotApplicable
from tests.models import trained_model
from tests.naive_gradients import NETWORKS, network


@pytest.mark.parametrize("kind", NETWORKS)
def test_logits_and_switches_are_those_of_points_taken_one_at_a_time(kind):
    trained = network(kind)
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
