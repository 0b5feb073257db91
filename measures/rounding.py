"""Points that are the same but for rounding: what is relative to their differences has no meaning."""

from torch import Tensor

SAME = 1e-6  # relative: what is closer than this, float32 cannot tell apart


def all_same(points: Tensor) -> bool:
    """Whether the points (m, ...) are at most SAME of their root mean square length from their mean, by that mean."""
    points = points.detach().flatten(1).double()
    spread = float((points - points.mean(dim=0)).square().sum())
    return not spread > SAME**2 * float(points.square().sum())


def all_same_kernel(kernel: Tensor, centred: Tensor) -> bool:
    """Whether so are points with these inner products (m, m), and with those less their mean, as far as these tell.

    In float32 inner products are off by about SAME, and not by its square.
    """
    return not float(centred.trace()) > SAME * float(kernel.trace())
