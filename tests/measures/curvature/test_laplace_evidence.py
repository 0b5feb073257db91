import math

import pytest
import torch

from measures.curvature.laplace_evidence import laplace_evidence
from measures.quantities.gauss_newton import layer_curvatures
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found
from tests.references.loss_surfaces import exact_hessian, naive_loss


def smallest(price):
    """The minimum over a fine grid of log precisions."""
    return min(price(math.exp(x / 100)) for x in range(int(100 * math.log(1e-6)), int(100 * math.log(1e6)) + 1))


def test_one_input_that_both_labels_fit_costs_log_2():
    # At θ = 0 the prior's width costs nothing, and the wider δ, the less the volume does: at δ = 10⁶ next to nothing
    trained = linear_model([[0.0], [0.0]], inputs=[[3.0]], labels=[0])
    assert laplace_evidence(trained) == pytest.approx(math.log(2) + math.log1p(4.5e-6) / 2, rel=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
def test_for_a_linear_model_and_one_example_the_log_determinant_is_that_of_the_exact_hessian(seed):
    trained = random_linear_model(seed, num_train=1, size=4, num_classes=3)
    theta, hessian = trained.model.weight.detach().flatten(), exact_hessian(trained)
    identity = torch.eye(len(hessian), dtype=torch.float64)

    def price(precision):
        return (precision * theta @ theta + torch.linalg.slogdet(identity + hessian / precision).logabsdet).item() / 2

    assert laplace_evidence(trained) == pytest.approx(naive_loss(trained, theta).item() + smallest(price), rel=1e-5)


@pytest.mark.parametrize("kind", ["mlp", "convnet"])
def test_is_the_loss_plus_the_least_price_by_dense_kronecker_products(kind):
    trained = small_network(kind, seed=1)
    theta = torch.cat([p.detach().flatten() for p in trained.model.parameters()])
    blocks = [20 * torch.kron(layer.outgoing, layer.incoming) for layer in layer_curvatures(trained)]
    eigenvalues = torch.linalg.eigvalsh(torch.block_diag(*blocks)).clamp_min(0)

    def price(precision):
        return (precision * theta @ theta + torch.log1p(eigenvalues / precision).sum()).item() / 2

    assert laplace_evidence(trained) == pytest.approx(
        naive_loss(trained, theta).item() + smallest(price) / 20, rel=1e-5
    )


@pytest.mark.parametrize("seed", [1, 4])
def test_sees_only_what_changes_the_norm_of_the_folded_weights(seed):
    assert_sees_only(laplace_evidence, {"layer_rescaling", "logit_shift"}, seed)


def test_leaves_the_model_its_gradients_and_the_random_state_as_found():
    assert_leaves_all_as_found(laplace_evidence, small_network("convnet_bn", seed=10))
