"""Networks whose forward does more than compute, or computes in a way that measures are not written for."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tests.builders.odd_networks.plain import CLASSES, Calling, convnet, mlp, pre_activation_network


def compiled() -> nn.Module:
    return torch.compile(convnet(), backend="eager")


def compiled_in_place() -> nn.Module:
    network = convnet()
    network.compile(backend="eager")
    return network


def compiled_inside() -> nn.Module:
    return nn.Sequential(torch.compile(convnet()[:4], backend="eager"), nn.Linear(16, CLASSES))


def data_parallel() -> nn.Module:
    return nn.DataParallel(convnet())


def averaged() -> nn.Module:
    return torch.optim.swa_utils.AveragedModel(convnet())


def checkpointed() -> nn.Module:
    return Calling(
        lambda self, x: self.head(checkpoint(self.body, x, use_reentrant=False)),
        body=mlp()[:3],
        head=nn.Linear(8, CLASSES),
    )


def checkpointed_reentrant() -> nn.Module:
    return Calling(
        lambda self, x: self.head(checkpoint(self.body, x, use_reentrant=True)),
        body=mlp()[:3],
        head=nn.Linear(8, CLASSES),
    )


def frozen() -> nn.Module:
    network = convnet()
    network[:4].requires_grad_(False)
    return network


def all_frozen() -> nn.Module:
    return mlp().requires_grad_(False)


def unused() -> nn.Module:
    return Calling(lambda self, x: self.body(x), body=mlp(), spare=nn.Linear(4, 4))


def probe_without_gradient() -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        with torch.no_grad():
            h = self.body(x)
        return self.head(h)

    return Calling(forward, body=mlp()[:3], head=nn.Linear(8, CLASSES))


def probe_detached() -> nn.Module:
    return Calling(lambda self, x: self.head(self.body(x).detach()), body=mlp()[:3], head=nn.Linear(8, CLASSES))


def autocast() -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.body(x)

    return Calling(forward, body=convnet())


def writes_into_its_input() -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        x -= 0.5
        return self.body(x)

    return Calling(forward, body=convnet())


def rectifies_its_input() -> nn.Module:
    return nn.Sequential(nn.ReLU(inplace=True), *convnet())


def keeps_its_features() -> nn.Module:
    """Leaves a tensor with a gradient graph in the module, and counts its calls."""

    def forward(self: Calling, x: Tensor) -> Tensor:
        self.features = self.body(x)
        self.calls = getattr(self, "calls", 0) + 1
        return self.head(self.features)

    return Calling(forward, body=mlp()[:3], head=nn.Linear(8, CLASSES))


def counts_in_a_buffer() -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        self.calls += 1
        return self.body(x)

    network = Calling(forward, body=mlp())
    network.register_buffer("calls", torch.zeros(()))
    return network


def recurrent() -> nn.Module:
    return Calling(
        lambda self, x: self.head(self.rnn(x.flatten(1, 2))[0][:, -1]),
        rnn=nn.LSTM(6, 5, batch_first=True),
        head=nn.Linear(5, CLASSES),
    )


def asserts_on_data() -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        assert bool(x.isfinite().all()), "inputs are not finite"
        return self.body(x)

    return Calling(forward, body=mlp())


def decides_on_data() -> nn.Module:
    """Examples with a bright first pixel go another way."""

    def forward(self: Calling, x: Tensor) -> Tensor:
        bright = x[:, 0, 0, 0] > 0
        h = x.new_zeros(len(x), 8)
        if bool(bright.any()):
            h = h.masked_scatter(bright[:, None].expand(-1, 8), self.one(x[bright].flatten(1)))
        if not bool(bright.all()):
            h = h.masked_scatter(~bright[:, None].expand(-1, 8), self.other(x[~bright].flatten(1)))
        return self.head(torch.relu(h))

    return Calling(forward, one=nn.Linear(36, 8), other=nn.Linear(36, 8), head=nn.Linear(8, CLASSES))


def fused_attention() -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x.flatten(1, 2)).view(len(x), 6, 2, 12).transpose(1, 2).chunk(3, dim=-1)
        return self.head(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(1))

    return Calling(forward, qkv=nn.Linear(6, 24), head=nn.Linear(48, CLASSES))


def transformer() -> nn.Module:
    return Calling(
        lambda self, x: self.head(self.block(x.flatten(1, 2)).mean(dim=1)),
        block=nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True),
        head=nn.Linear(6, CLASSES),
    )


def embedded_pixels() -> nn.Module:
    return Calling(
        lambda self, x: self.head(
            torch.relu(self.embed(x.flatten(1).mul(2).round().long().clamp(-3, 3) + 3).flatten(1))
        ),
        embed=nn.Embedding(7, 2),
        head=nn.Linear(72, CLASSES),
    )


def instance_norm() -> nn.Module:
    network = convnet()
    network[2] = nn.Sequential(nn.InstanceNorm2d(4, affine=True), nn.MaxPool2d(2))
    return network


def channels_last() -> nn.Module:
    return convnet().to(memory_format=torch.channels_last)


def positions_by_a_network() -> nn.Module:
    """Biases of the hidden units are what a layer makes of a constant: no example is in what it receives."""
    return Calling(
        lambda self, x: self.head(torch.relu(self.body(x.flatten(1)) + self.bias(x.new_tensor([1.0, -0.5])))),
        body=nn.Linear(36, 8),
        bias=nn.Linear(2, 8),
        head=nn.Linear(8, CLASSES),
    )


def positions_for_each() -> nn.Module:
    """The same, with the constant once for every example."""
    return Calling(
        lambda self, x: self.head(
            torch.relu(self.body(x.flatten(1)) + self.bias(x.new_tensor([1.0, -0.5]).expand(len(x), 2)))
        ),
        body=nn.Linear(36, 8),
        bias=nn.Linear(2, 8),
        head=nn.Linear(8, CLASSES),
    )


def weights_by_a_network() -> nn.Module:
    """Another layer makes the last weights of a constant."""
    return Calling(
        lambda self, x: F.linear(
            torch.relu(self.body(x.flatten(1))), self.weight(x.new_tensor([1.0, -0.5])).view(CLASSES, 8)
        ),
        body=nn.Linear(36, 8),
        weight=nn.Linear(2, 8 * CLASSES),
    )


def coarser_logits() -> nn.Module:
    """Logits in single precision of weights in double."""
    return Calling(lambda self, x: self.body(x).float(), body=mlp())


def pre_activation() -> nn.Module:
    return pre_activation_network()


def tokens_after_batch_norm() -> nn.Module:
    """What comes back to the normalization has the channels last in memory, what it received has them first."""
    return tokens_after(nn.BatchNorm2d(4))


def tokens_after_instance_norm() -> nn.Module:
    return tokens_after(nn.InstanceNorm2d(4, affine=True))


def tokens_after_the_function() -> nn.Module:
    network = tokens_after(nn.Identity())
    network.norm.forward = lambda x: F.batch_norm(x, x.new_zeros(4), x.new_full((4,), 2.0))
    return network


def tokens_after(norm: nn.Module) -> nn.Module:
    return Calling(
        lambda self, x: self.head(self.norm(self.stem(x)).tanh().flatten(2).transpose(1, 2).mean(dim=1)),
        stem=nn.Conv2d(1, 4, 3),
        norm=norm,
        head=nn.Linear(4, CLASSES),
    )


FORWARDS: tuple[Callable[[], nn.Module], ...] = (
    compiled,
    compiled_in_place,
    compiled_inside,
    data_parallel,
    averaged,
    checkpointed,
    checkpointed_reentrant,
    frozen,
    all_frozen,
    unused,
    probe_without_gradient,
    probe_detached,
    autocast,
    writes_into_its_input,
    rectifies_its_input,
    keeps_its_features,
    counts_in_a_buffer,
    recurrent,
    asserts_on_data,
    decides_on_data,
    fused_attention,
    transformer,
    embedded_pixels,
    instance_norm,
    channels_last,
    positions_by_a_network,
    positions_for_each,
    weights_by_a_network,
    coarser_logits,
    pre_activation,
    tokens_after_batch_norm,
    tokens_after_instance_norm,
    tokens_after_the_function,
)
