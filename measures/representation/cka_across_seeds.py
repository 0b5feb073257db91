"""Linear kernel alignment between two seeds, as a distance: how differently do they represent the training set?

    μ = 1 − CKA     CKA = ‖YᵀX‖_F² / (‖XᵀX‖_F ‖YᵀY‖_F)

X and Y are the centred features (m, width) of the last hidden layer of the given network and of one that the same
recipe with another seed trains on the same examples, at most 1,000 of them. Between 0 and 1.

Kornblith, Norouzi, Lee & Hinton 2019 (arXiv:1905.00414), linear CKA; that networks which generalize are more similar
to each other is the finding of Morcos, Raghu & Bengio 2018 (arXiv:1806.05759) with another similarity.
Differs from the paper: one pair of networks.

Claims: larger gap (Morcos, Raghu & Bengio 2018, abstract, of another similarity).
Random labels: separates (Morcos, Raghu & Bengio 2018, abstract, of another similarity).
"""

from measures import measure
from measures.representation._other_seed import centred_pair
from measures.trained_model import TrainedModel


@measure(
    source="Kornblith, Norouzi, Lee & Hinton 2019, linear CKA",
    cost="retrain",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def cka_across_seeds(trained: TrainedModel) -> float:
    x, y = centred_pair(trained)
    return 1 - float((y.T @ x).square().sum() / ((x.T @ x).norm() * (y.T @ y).norm()))
