"""Random streams by name: whatever draws, draws from one that is a function of a seed and a purpose."""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor


def seeded_generator(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator whose stream is a function of (seed, purpose), independent between purposes."""
    digest = hashlib.sha256(f"{purpose}:{seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def standard_normal(shape: Sequence[int], generator: torch.Generator, like: Tensor) -> Tensor:
    """Standard normal numbers of this shape, in the dtype and on the device of `like`.

    They are drawn on the CPU, so that they are the same on every device.
    """
    return torch.randn(*shape, generator=generator, dtype=like.dtype).to(like.device)
