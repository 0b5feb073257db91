"""What noise on the inputs does to a network's outputs."""

import torch
from torch import Tensor, nn

from measures.networks.plain_network import require_readable
from measures.seeding import standard_normal
from measures.trained_model import CHUNK

NOISE_STD = 0.1  # in units of the standardised inputs
DRAWS = 10


@torch.no_grad()
def mean_output_changes(model: nn.Module, inputs: Tensor, generator: torch.Generator) -> Tensor:
    """(1/K) Σₖ fₖ(x + ε) − fₖ(x) for each draw of the noise and each of `inputs` (m, ...), (DRAWS, m) float64."""
    require_readable(model)
    clean = torch.cat([model(x) for x in inputs.split(CHUNK)]).double()
    changes = []
    for _ in range(DRAWS):
        moved = inputs + NOISE_STD * standard_normal(inputs.shape, generator, like=inputs)
        noisy = torch.cat([model(x) for x in moved.split(CHUNK)]).double()
        changes.append((noisy - clean).mean(dim=1))
    return torch.stack(changes)
