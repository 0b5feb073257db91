"""Leave-one-out error of a ridge regression on the network's features, minus the error on the training set.

    μ = 1/m Σ 1[argmaxₖ ŷᵢ[k] ≠ yᵢ]  −  1/n Σ 1[c(xᵢ) ≠ yᵢ]
    ŷᵢ = Yᵢ − (A⁻¹Y)ᵢ / (A⁻¹)ᵢᵢ      A = H Hᵀ + λI      λ = 10⁻³ tr(H Hᵀ)/m

H (m, width) are the features that the last linear layer receives, of the first m ≤ 1,000 examples of `random_order`,
centred; Y (m, num_classes) their labels, one-hot and centred. ŷᵢ is exactly what the regression on the other m − 1
examples says of example i, but for the means, which are of all.

The means of the labels are not added again, so that no class is likelier for being frequent: where classes are of
unequal size this is not the plain regression's error.

Only the last layer forgets the example that is left out: the features have seen it.

The formula is that of Allen 1974 (Technometrics 16:125), PRESS. This project for the rest.
Differs from the paper: errors of classification in place of squared residuals, minus the training error.

Claims: larger gap (this project, measures/interpolation/README.md).
Random labels: nothing.
"""

import torch
import torch.nn.functional as F

from measures import INVARIANCES, NotApplicable, measure
from measures.interpolation._midpoints import training_error
from measures.rounding import all_same
from measures.trained_model import TrainedModel

EXAMPLES = 1000
RIDGE = 1e-3  # of the mean eigenvalue


@measure(source="Allen 1974, on the last layer's features, minus the training error", invariant_to=INVARIANCES)
def feature_leave_one_out(trained: TrainedModel) -> float:
    chosen = trained.random_order[:EXAMPLES]
    if len(chosen) < 2:
        raise NotApplicable("a single example cannot be left out: nothing is left")
    features, labels = trained.features[chosen].double(), trained.labels[chosen]
    if all_same(features):
        raise NotApplicable("the features of every example are equal: a regression on them says nothing")
    features = features - features.mean(dim=0)
    gram = features @ features.T
    ridge = RIDGE * float(gram.diagonal().mean())
    targets = F.one_hot(labels, trained.num_classes).double()
    targets = targets - targets.mean(dim=0)
    inverse = torch.linalg.inv(gram + ridge * torch.eye(len(gram), dtype=gram.dtype, device=gram.device))
    left_out = targets - inverse @ targets / inverse.diagonal()[:, None]
    return float((left_out.argmax(dim=1) != labels).double().mean()) - training_error(trained)
