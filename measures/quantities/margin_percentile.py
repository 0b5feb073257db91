"""The margin of the closest tenth of the training set, inverted and squared: norms are compared relative to it."""

from measures.errors import NotApplicable
from measures.trained_model import TrainedModel


def inverse_squared_margin(trained: TrainedModel) -> float:
    """1 / γ² with γ the 10th percentile of the training margins (Jiang et al. 2020, eq. 22).

    Raises NotApplicable where γ is not above 0: the network has not fitted its training set.
    """
    gamma = float(trained.margins.double().quantile(0.1))  # interpolated linearly between neighbours
    if not gamma > 0:
        raise NotApplicable(f"γ = {gamma:.3g}, not above 0: undefined until the training set is fitted")
    return 1 / gamma**2
