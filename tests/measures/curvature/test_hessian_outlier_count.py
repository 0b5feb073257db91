import pytest
import torch

from measures import NotApplicable
from measures.curvature.hessian_outlier_count import hessian_outlier_count
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.references.loss_surfaces import exact_hessian


def test_counts_the_directions_of_inputs_longer_than_half_the_longest():
    # For equal logits on inputs along the axes, eigenvalues are x²/2n: 100, 64, 36, 16 and 1 over 10
    inputs = torch.diag(torch.tensor([10.0, 8, 6, 4, 1]))
    trained = linear_model([[0.0] * 5] * 2, inputs.tolist(), [0] * 5)
    assert hessian_outlier_count(trained) == 3


@pytest.mark.parametrize("seed", range(3))
def test_is_exact_up_to_40_parameters_and_where_the_rank_is_low(seed):
    for trained in random_linear_model(seed, size=20), random_linear_model(seed, num_train=10, size=60):
        eigenvalues = torch.linalg.eigvalsh(exact_hessian(trained))
        assert hessian_outlier_count(trained) == int((eigenvalues > 0.25 * eigenvalues[-1]).sum())


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_of_larger_networks_is_within_a_factor_of_one_and_a_half(kind):
    trained = small_network(kind, seed=1)
    eigenvalues = torch.linalg.eigvalsh(exact_hessian(trained))
    exact = int((eigenvalues > 0.25 * eigenvalues[-1]).sum())
    assert exact / 1.5 < hessian_outlier_count(trained) < 1.5 * exact


@pytest.mark.parametrize("seed", [1])
def test_sees_every_change_but_a_shift_of_the_logits(seed):
    assert_sees_only(hessian_outlier_count, {"layer_rescaling", "unit_permutation", "batch_norm_folding"}, seed)


def test_is_not_applicable_to_a_loss_that_no_weight_changes():
    trained = random_linear_model(7)
    trained.inputs.zero_()
    with pytest.raises(NotApplicable, match="not above 0"):
        hessian_outlier_count(trained)
