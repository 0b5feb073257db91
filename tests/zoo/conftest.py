"""Zoos of a user's own, in files."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.training.declaring import open_declarations

OWN = """
import torch
from torch import nn
from harness import Grid, Zoo, adamw, data_set, network

{before}

class Net(nn.Module):
    def __init__(self, features, classes):
        super().__init__()
        self.hidden, self.last = nn.Linear(features, 24), nn.Linear(24, classes)

    def forward(self, x):
        return self.last(self.hidden(x.flatten(1)).relu())


@network
def own(input_shape, num_classes):
    return Net(torch.Size(input_shape).numel(), num_classes)


@data_set
def mine(folder):
    inputs = torch.randn(150, 6, generator=torch.Generator().manual_seed(0))
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    return inputs[:100], labels[:100], inputs[100:], labels[100:]


zoo = Zoo("mine", data_set=mine, networks={{own: 0.3, "mlp_1x32": adamw(0.01)}}, num_train=40{more})
{after}
"""


def own_zoo(before: str = "", after: str = "", more: str = "") -> str:
    """A file with a zoo of 40 examples of a table with three classes."""
    return OWN.format(before=before, after=after, more=more)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file with a zoo, or with the text that it is given."""

    def write(text: str | None = None, name: str = "my_zoo.py", **parts: str) -> Path:
        path = tmp_path / name
        path.write_text(own_zoo(**parts) if text is None else text)
        return path

    return write


@pytest.fixture(autouse=True)
def nothing_opened() -> Iterator[None]:
    """What a test opens is not found by the next."""
    yield
    open_declarations("", ())
