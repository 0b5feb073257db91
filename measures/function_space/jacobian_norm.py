"""Input-output Jacobian norm: how sensitive the predicted probabilities are to the input.

    μ = mean over x of ‖∂p/∂x‖_F     p = softmax f(x),  ∂p/∂x = (diag(p) − p pᵀ) ∇ₓ f(x)

    jacobian_norm         x in H, a random tenth of the training set, f the network trained without H
    jacobian_norm_train   x in the training set, f the given network

∇ₓ f(x) is the (K, inputs) Jacobian of the logits, in units of the standardised inputs. No label of H enters.

Novak et al. 2018 (arXiv:1802.08760), the Frobenius norm of the input-output Jacobian.
Differs from the paper:
1. Its mean is over test inputs, which a measure does not see. In the first measure H stands for them, and a network
   trained on nine tenths of the data for the given one, whose weights do not enter.
2. The second is at the inputs that the network was fitted to, where the probabilities are all but certain and move
   little: it asks something else.

Version 2: the first was at 200 training inputs of the given network. Of 20 digits twins 20, 15 and 14 had the larger
value on random labels, random pixels and gaussian inputs; 20, 19 and 19 now, and 20, 17 and 19 at all training inputs.

Claims: larger gap (Novak et al. 2018, abstract).
Random labels: separates (Novak et al. 2018, abstract).
"""

import torch
from torch import Tensor, nn

from measures import measure
from measures.quantities.hold_out import trained_without
from measures.quantities.input_gradients import logits_and_jacobians
from measures.trained_model import TrainedModel

EVERY_CHANGE = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}


@measure(source="Novak et al. 2018", version=2, cost="retrain", invariant_to=EVERY_CHANGE)
def jacobian_norm(trained: TrainedModel) -> float:
    network, inputs, _ = trained_without(trained)
    return mean_jacobian_norm(network, inputs)


@measure(
    source="Novak et al. 2018, at training inputs",
    cost="slow",
    invariant_to=EVERY_CHANGE,
)
def jacobian_norm_train(trained: TrainedModel) -> float:
    return mean_jacobian_norm(trained.model, trained.inputs)


def mean_jacobian_norm(network: nn.Module, inputs: Tensor) -> float:
    """The mean over these inputs of ‖∂p/∂x‖_F."""
    total = 0.0
    for logits, jacobian in logits_and_jacobians(network, inputs):
        p, jacobian = torch.softmax(logits.double(), dim=1)[:, :, None], jacobian.double()
        of_probabilities = p * (jacobian - (p * jacobian).sum(dim=1, keepdim=True))
        total += float(of_probabilities.norm(dim=(1, 2)).sum())
    return total / len(inputs)
