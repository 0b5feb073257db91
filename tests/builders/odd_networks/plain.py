"""The plain networks that odd ones are made of, and one whose forward is any function."""

from collections.abc import Callable

from torch import Tensor, nn

CLASSES = 3


def mlp(*between: nn.Module) -> nn.Sequential:
    """Flatten, linear, ReLU, what is between, linear."""
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), *between, nn.Linear(8, CLASSES))


def convnet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, CLASSES)
    )


class Calling(nn.Module):
    """A network whose forward is a function of it and its inputs."""

    def __init__(self, forward: Callable[["Calling", Tensor], Tensor], **parts: nn.Module):
        super().__init__()
        self.function = forward
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)
