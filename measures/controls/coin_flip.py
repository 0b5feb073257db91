"""A control: a coin thrown for each network. It wins half of the pairs of twins and must lose.

    μ ~ uniform on [0, 1), drawn with a seed that is a digest (sha256) of the trained weights' bytes

Twins share their seed, and a coin seeded by it would only tie; their weights differ.

Claims: nothing, it is a control.
Random labels: nothing.
"""

import hashlib

import torch

from measures import measure
from measures.trained_model import TrainedModel


@measure(source="a control")
def coin_flip(trained: TrainedModel) -> float:
    digest = hashlib.sha256()
    for parameter in trained.model.parameters():
        digest.update(parameter.detach().cpu().flatten().view(torch.uint8).numpy().tobytes())
    generator = torch.Generator().manual_seed(int.from_bytes(digest.digest()[:8], "big") >> 1)
    return float(torch.rand((), generator=generator, dtype=torch.float64))
