"""Small networks of the kinds that people train today, fitted to a few random images of 8x8 pixels."""

import dataclasses
import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from measures.trained_model import TrainedModel
from tests.builders.models import trained_model, with_snapshots

CLASSES = 3
WIDTH = 64  # of a representation: at least 50, so that weight matrices have spectra to speak of


class ResidualBlock(nn.Module):
    """relu(project(x) + norm(conv(relu(norm(conv(x)))))), halving height and width."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, out_channels, 3, stride=2, padding=1, bias=False)
        self.second = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.first_norm, self.second_norm = nn.BatchNorm2d(out_channels), nn.BatchNorm2d(out_channels)
        self.project = nn.Conv2d(channels, out_channels, 1, stride=2, bias=False)
        self.project_norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.second_norm(self.second(F.relu(self.first_norm(self.first(x)))))
        return F.relu(self.project_norm(self.project(x)) + inner)


class Residual(nn.Module):
    """A stem, two residual blocks, the mean over positions and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.blocks = nn.Sequential(ResidualBlock(8, 16), ResidualBlock(16, WIDTH))
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(F.relu(self.norm(self.stem(x)))).mean(dim=(2, 3)))


class PreActivationBlock(nn.Module):
    """project(x') + conv(relu(norm(conv(x')))) of x' = relu(norm(x)), halving height and width."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.first_norm, self.second_norm = nn.BatchNorm2d(channels), nn.BatchNorm2d(out_channels)
        self.first = nn.Conv2d(channels, out_channels, 3, stride=2, padding=1, bias=False)
        self.second = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.project = nn.Conv2d(channels, out_channels, 1, stride=2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first_norm(x))
        return self.project(x) + self.second(F.relu(self.second_norm(self.first(x))))


class PreActivation(nn.Module):
    """As Residual, with normalization before the layers, as in wide residual networks and DenseNet."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding=1, bias=False)
        self.blocks = nn.Sequential(PreActivationBlock(8, 16), PreActivationBlock(16, WIDTH))
        self.norm, self.head = nn.BatchNorm2d(WIDTH), nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.norm(self.blocks(self.stem(x)))).mean(dim=(2, 3)))


class SelfAttention(nn.Module):
    """Four heads of attention as vision transformers write it: one linear layer for queries, keys and values."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        m, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(m, tokens, 3, 4, width // 4).permute(2, 0, 3, 1, 4).unbind(0)
        attention = (q @ k.transpose(-2, -1) * (width // 4) ** -0.5).softmax(dim=-1)
        return self.proj((attention @ v).transpose(1, 2).reshape(m, tokens, width))


class Block(nn.Module):
    """Attention and a two-layer network, each behind a layer normalization and beside a skip connection."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.attention, self.norm2 = nn.LayerNorm(WIDTH), SelfAttention(), nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


def encoder_layer() -> nn.Module:
    return nn.TransformerEncoderLayer(WIDTH, 4, 2 * WIDTH, activation="gelu", batch_first=True, norm_first=True)


class VisionTransformer(nn.Module):
    """Patches of 4x4 as tokens, a class token and positions, one block, and a head on the class token."""

    def __init__(self, block: Callable[[], nn.Module] = Block) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, WIDTH, 4, stride=4)
        self.class_token = nn.Parameter(torch.randn(1, 1, WIDTH) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, 5, WIDTH) * 0.02)
        self.block, self.norm, self.head = block(), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(x.shape[0], -1, -1), tokens], dim=1) + self.positions
        return self.head(self.norm(self.block(tokens))[:, 0])


class Recurrent(nn.Module):
    """An LSTM that reads the image row by row, and a linear head on its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.rows, self.head = nn.LSTM(8, 16, batch_first=True), nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rows(x.flatten(1, 2))[0][:, -1])


def mlp() -> nn.Module:
    hidden = (nn.Linear(64, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU())
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(WIDTH, CLASSES))


def all_convolutional() -> nn.Module:
    """Strided convolutions, a 1x1 convolution to the classes, and the mean over positions."""
    first, second = nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.Conv2d(16, WIDTH, 3, stride=2, padding=1)
    last = nn.Conv2d(WIDTH, CLASSES, 1)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), last, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def convnet_with_batch_norm() -> nn.Module:
    first = (nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
    second = (nn.Conv2d(8, WIDTH, 3, padding=1), nn.BatchNorm2d(WIDTH), nn.ReLU(), nn.MaxPool2d(2))
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(4 * WIDTH, CLASSES))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "MLP": mlp,
    "all convolutional": all_convolutional,
    "convnet, batch norm": convnet_with_batch_norm,
    "residual network": Residual,
    "residual, pre-activation": PreActivation,
    "transformer": VisionTransformer,
    "transformer, torch's attention": functools.partial(VisionTransformer, encoder_layer),
    "recurrent": Recurrent,
}


@functools.cache
def fitted(name: str) -> TrainedModel:
    """The network after 60 steps of Adam on 40 random images, their labels then what it predicts; float32."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, init = NETWORKS[name](), NETWORKS[name]()
        inputs, labels = torch.randn(40, 1, 8, 8), torch.arange(40) % CLASSES
        init.load_state_dict(model.state_dict())
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(60):
            optimizer.zero_grad()
            F.cross_entropy(model(inputs), labels).backward()
            optimizer.step()
    optimizer.zero_grad()
    with torch.no_grad():
        labels = model.eval()(inputs).argmax(dim=1)
    result = with_snapshots(trained_model(model, inputs, labels, init=init, num_classes=CLASSES), init)
    return dataclasses.replace(result, retrain_function=lambda inputs, labels, reseed, max_epochs=None: init)
