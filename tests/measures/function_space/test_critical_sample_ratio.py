import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.function_space.critical_sample_ratio import RADIUS, are_critical, critical_sample_ratio
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import NETWORKS, linear_model, randomly_labelled_network


def test_two_of_four_points_lie_within_the_radius_of_a_linear_boundary():
    # the boundary is x₁ + x₂ = 0: the box around (a, a) reaches it where |a| ≤ 0.2
    points = [[0.19, 0.19], [0.21, 0.21], [-0.15, -0.15], [-3.0, -3.0]]
    assert critical_sample_ratio(linear_model([[1.0, 1.0], [-1.0, -1.0]], points, [0, 0, 1, 1])) == 0.5


def test_the_label_has_no_say_only_the_prediction():
    points = [[0.19, 0.19], [0.21, 0.21]]
    assert critical_sample_ratio(linear_model([[1.0, 1.0], [-1.0, -1.0]], points, [1, 1])) == 0.5


@pytest.mark.parametrize("kind", NETWORKS)
def test_is_the_share_found_by_the_search_written_out_for_each_example(kind):
    trained, found = randomly_labelled_network(kind), 0
    noise = torch.randn(10, *trained.inputs.shape, generator=trained.generator(), dtype=torch.float64)
    for place, i in enumerate(trained.random_order.tolist()):
        start = trained.inputs[i]
        predicted = int(trained.logits[i].argmax())
        x = start.clone()
        for step in range(10):
            x = x.detach().requires_grad_()
            f = trained.model(x[None])[0]
            other = max((j for j in range(3) if j != predicted), key=lambda j: float(f[j].detach()))
            (f[predicted] - f[other]).backward()
            moved = x.detach() - 0.05 * torch.sign(x.grad) + 0.01 * noise[step, place]
            x = torch.minimum(torch.maximum(moved, start - 0.2), start + 0.2)
            if int(trained.model(x[None])[0].argmax()) != predicted:
                found += 1
                break
    trained.model.zero_grad(set_to_none=True)
    assert critical_sample_ratio(trained) == pytest.approx(found / 12)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0, 1))
def test_a_point_is_critical_only_if_the_box_holds_another_prediction(seed, distance):
    # the boundary is x₁ = 0, along which noise cannot help
    trained = linear_model([[1.0, 0.0], [-1.0, 0.0]], [[distance, 0.0]], [0])
    noise = torch.randn(10, 1, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    assert bool(are_critical(trained.model, trained.inputs, noise)) == (distance < RADIUS)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_only_what_the_function_does(seed):
    trained = random_network("mlp_3x8", seed, size=4)
    assert 0 <= critical_sample_ratio(trained) <= 1
    assert_sees_only(critical_sample_ratio, set(), seed)
