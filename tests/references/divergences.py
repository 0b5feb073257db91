"""The divergence between two clouds of noise, by torch.distributions."""

from torch import Tensor
from torch.distributions import Normal, kl_divergence


def divergence(theta: Tensor, variances: Tensor, prior: Tensor, prior_variances: Tensor) -> float:
    """KL in nats between normal distributions with means `theta` and `prior`, all (p,)."""
    nats: float = kl_divergence(Normal(theta, variances.sqrt()), Normal(prior, prior_variances.sqrt())).sum().item()
    return nats
