"""How far the classes' means are from a simplex: of unequal lengths, at unequal angles, not at the widest ones (NC2).

    neural_collapse_lengths    μ = std_c ‖m_c‖ / mean_c ‖m_c‖                  m_c = μ_c − μ_G
    neural_collapse_angles     μ = std over pairs of  cos(m_c, m_c')
    neural_collapse_widest     μ = mean over pairs of  |cos(m_c, m_c') + 1 / (C − 1)|

μ_c is the mean over class c of the features of the last hidden layer, μ_G the mean of these C means. No unit; all are
0 where the means are the corners of a regular simplex around μ_G, as two classes' always are.

Papyan, Han & Donoho 2020 (arXiv:2008.08186), property NC2 (equinorm, equiangular, maximal angles), and the authors'
code, from which the formulas are: the means' norm_M_CoV and cos_M.
Differs from the paper: μ_G is the mean of the class means, as in the code; the code has no standard deviation of the
cosines, which the paper plots; pairs are of two different classes, each once.

Claims: larger gap (abstract: the geometry brings better generalization).
Random labels: unknown (the paper's full text could not be had).
"""

import torch
from torch import Tensor

from measures import measure
from measures.representation._last_layer import class_means
from measures.trained_model import TrainedModel

UNMOVED = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}


@measure(source="Papyan, Han & Donoho 2020, NC2, equinorm", invariant_to=UNMOVED)
def neural_collapse_lengths(trained: TrainedModel) -> float:
    lengths = class_means(trained).centred.norm(dim=1)
    return float(lengths.std() / lengths.mean())


@measure(source="Papyan, Han & Donoho 2020, NC2, equiangular", invariant_to=UNMOVED)
def neural_collapse_angles(trained: TrainedModel) -> float:
    return float(cosines(class_means(trained).centred).std(correction=0))


@measure(source="Papyan, Han & Donoho 2020, NC2, maximal angles", invariant_to=UNMOVED)
def neural_collapse_widest(trained: TrainedModel) -> float:
    centred = class_means(trained).centred
    return float((cosines(centred) + 1 / (len(centred) - 1)).abs().mean())


def cosines(vectors: Tensor) -> Tensor:
    """Of every pair of different rows, each once."""
    directions = vectors / vectors.norm(dim=1, keepdim=True)
    products = directions @ directions.T
    first, second = torch.triu_indices(len(products), len(products), offset=1, device=products.device)
    return products[first, second]
