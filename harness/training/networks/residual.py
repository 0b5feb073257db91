"""Skip connections: what a layer computes is added to what it was given."""

from torch import Tensor, nn


class Residual(nn.Module):
    """after(shortcut(x) + branch(x)); without a shortcut x itself is added, without `after` the sum is the output."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module | None = None, after: nn.Module | None = None):
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut or nn.Identity()
        self.after = after or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.after(self.shortcut(x) + self.branch(x))
        return out
