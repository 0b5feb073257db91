"""Points that are the same but for rounding, and measures of networks that say the same of every input."""

import pytest
import torch
from torch import nn

from measures import NotApplicable
from measures.gradients.gradient_coherence import gradient_diversity
from measures.information.input_information import input_information
from measures.interpolation.feature_leave_one_out import feature_leave_one_out
from measures.interpolation.segment_bend import segment_bend
from measures.kernels.kernel_target_alignment import kernel_target_alignment
from measures.kernels.ntk_top_energy import ntk_top_energy_trained
from measures.margins.hidden_margin import hidden_margin
from measures.margins.mixup_margin import mixup_margin
from measures.representation.davies_bouldin import davies_bouldin
from measures.representation.neural_collapse_duality import neural_collapse_duality
from measures.representation.neural_collapse_geometry import neural_collapse_angles
from measures.representation.participation_ratio import participation_ratio
from measures.rounding import all_same, all_same_kernel
from measures.sharpness.sam_sharpness import sam_sharpness
from measures.trained_model import TrainedModel
from tests.builders.models import trained_model

OF_DIFFERENCES = [
    *(input_information, feature_leave_one_out, segment_bend, kernel_target_alignment, ntk_top_energy_trained),
    *(hidden_margin, mixup_margin, davies_bouldin, neural_collapse_duality, neural_collapse_angles),
    participation_ratio,
]


def with_inputs(moved: float, dtype: torch.dtype) -> TrainedModel:
    """24 examples that are `moved` from the same input, of a network with hidden units that are not whole numbers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 3)).to(dtype)
        inputs = 1 + moved * torch.randn(24, 6, dtype=dtype)
    with torch.no_grad():
        labels = network(inputs).argmax(dim=1)
        labels[:16] = torch.arange(16) % 3
    return trained_model(network, inputs, labels)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("moved", [0.0, 1e-10])
@pytest.mark.parametrize("measure", OF_DIFFERENCES, ids=lambda measure: measure.name)
def test_what_is_relative_to_differences_is_not_that_of_rounding(measure, moved: float, dtype: torch.dtype) -> None:
    trained = with_inputs(moved, dtype)
    with pytest.raises(NotApplicable, match=r"same|are equal|no direction"):
        measure(trained)


@pytest.mark.parametrize("measure", OF_DIFFERENCES, ids=lambda measure: measure.name)
def test_differences_of_a_hundredth_are_more_than_rounding(measure) -> None:
    trained = with_inputs(1e-2, torch.float64)
    try:
        assert isinstance(measure(trained), float)
    except NotApplicable as reason:
        assert "median margin" in str(reason)  # a misclassified half, and nothing about differences


def test_points_are_the_same_where_their_distance_from_the_mean_is_a_millionth_of_their_length() -> None:
    two = torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    apart = torch.tensor([[0.0, 1.0], [0.0, -1.0]], dtype=torch.float64)
    assert all_same(two) and all_same(two + 0.9e-6 * apart) and not all_same(two + 1.1e-6 * apart)
    assert all_same(0 * two) and all_same(two[:1])


def test_so_are_the_points_of_a_kernel_where_the_squares_are() -> None:
    for apart, same in ((0.9e-3, True), (1.1e-3, False)):
        points = torch.tensor([[1.0, apart], [1.0, -apart]], dtype=torch.float64)
        centred = points - points.mean(dim=0)
        assert all_same_kernel(points @ points.T, centred @ centred.T) is same


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_that_cancel_have_no_mean_but_that_of_rounding(dtype: torch.dtype) -> None:
    """A dead network says as much of every class, and of each there are as many examples."""
    trained = with_inputs(1.0, dtype)
    with torch.no_grad():
        trained.model[0].bias.fill_(-100)
        trained.model[2].bias.zero_()
    trained.labels.copy_(torch.arange(24) % 3)
    with pytest.raises(NotApplicable, match="the gradients sum to zero: their diversity is infinite"):
        gradient_diversity(trained)
    with pytest.raises(NotApplicable, match="the gradient of the training loss is zero: the ascent step has no direct"):
        sam_sharpness(trained)
