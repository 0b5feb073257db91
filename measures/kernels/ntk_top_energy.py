"""How much of the labels lies in the few directions that the tangent kernel learns fast?

    μ = −‖UᵀHY‖²_F / ‖HY‖²_F     U (m, K): the K first eigenvectors of HΘH

    Θ(x, x') = (1/K) Σₖ ⟨∇_θ f_k(x), ∇_θ f_k(x')⟩

Y (m, K) is the one-hot coding of the labels, K the number of classes, H = I − 11ᵀ/m centres, θ are all weights.
Negated: the claim is that labels within the leading directions generalize, and that random ones lie outside.

    ntk_top_energy         Θ of the initial network: of the data alone, whatever training did
    ntk_top_energy_trained Θ of the trained network

Oymak et al. 2019 (arXiv:1906.05392): the Jacobian's information space and nuisance space.
Differs from the paper:
1. The paper splits the Jacobian of all outputs at a singular value; here it is the mean of the outputs' kernels, split
   after K directions, which is one more than the labels of K classes have after centring.
2. Kernel and labels are centred: the largest eigenvector is otherwise near-constant and tells nothing.
3. The examples are the first 200 of `random_order`.

Claims: larger gap (Oymak et al. 2019, abstract).
Random labels: separates (Oymak et al. 2019, abstract: label noise lies in the nuisance space).
"""

from measures import measure
from measures.kernels._spectra import centred_labels, centred_tangent_spectrum
from measures.trained_model import TrainedModel


@measure(
    source="Oymak et al. 2019, with the initial network's kernel",
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def ntk_top_energy(trained: TrainedModel) -> float:
    return -_share_of_top(trained, before_training=True)


@measure(
    source="Oymak et al. 2019, with the trained network's kernel",
    cost="slow",
    invariant_to={"unit_permutation", "logit_shift"},
)
def ntk_top_energy_trained(trained: TrainedModel) -> float:
    return -_share_of_top(trained, before_training=False)


def _share_of_top(trained: TrainedModel, before_training: bool) -> float:
    energies = centred_tangent_spectrum(trained, before_training).energies(centred_labels(trained))
    return float(energies[-trained.num_classes :].sum() / energies.sum())
