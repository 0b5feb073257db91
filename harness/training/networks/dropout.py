"""Dropout behind a hidden layer, where there is to be any."""

from torch import nn


def dropped(probability: float) -> list[nn.Module]:
    """The layer that drops units at this probability; none for 0."""
    return [nn.Dropout(probability)] if probability else []
