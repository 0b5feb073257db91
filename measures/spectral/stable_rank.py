"""Stable rank of the layers: how many directions of about equal size a layer's operator has.

    sᵣ(Wₗ) = ‖Wₗ‖_F² / ‖Wₗ‖₂²     stable_rank_sum  μ = Σₗ sᵣ(Wₗ)     stable_rank_mean  μ = (1/d) Σₗ sᵣ(Wₗ)

Wₗ is the true linear operator of layer l with batch normalization folded in, d the number of layers. Between 1 and
the rank, and blind to the layer's scale.

Jiang et al. 2020 (arXiv:1912.02178), eq. 33 (the sum, "Frobenius over spectral"); Sanyal, Torr & Dokania 2020
(arXiv:1906.04659), who bound the generalization gap by stable ranks and normalize them.
Differs from the paper: the operator, whose stable rank is not the reshaped kernel's. Between networks of one depth the
sum orders as the mean does.

Claims: larger gap (Sanyal, Torr & Dokania 2020, abstract).
Random labels: unknown (the abstract is of training that keeps it small, not of its value).
"""

from measures import measure
from measures.layers import require_size
from measures.trained_model import TrainedModel

ALL = ("layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift")


@measure(source="Jiang et al. 2020, eq. 33", invariant_to=ALL)
def stable_rank_sum(trained: TrainedModel) -> float:
    return sum(stable_ranks(trained))


@measure(source="Sanyal, Torr & Dokania 2020", invariant_to=ALL)
def stable_rank_mean(trained: TrainedModel) -> float:
    return sum(stable_ranks(trained)) / len(trained.layers)


def stable_ranks(trained: TrainedModel) -> list[float]:
    """One a layer, in the order of application."""
    require_size(trained.layers, [layer.operator_norm for layer in trained.layers])
    return [(layer.frobenius_norm / layer.operator_norm) ** 2 for layer in trained.layers]
