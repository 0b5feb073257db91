"""Random streams by name: whatever draws, draws from one that is a function of a seed and a purpose."""

import hashlib

import torch


def seeded_generator(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator whose stream is a function of (seed, purpose), independent between purposes."""
    digest = hashlib.sha256(f"{purpose}:{seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
