"""Networks of which measures cannot read a function, each with what the sentence says."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tests.builders.odd_networks.plain import Calling, convnet, mlp


def batch_norm_2d() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, track_running_stats=False), *convnet()[1:])


def batch_norm_1d() -> nn.Module:
    return mlp(nn.BatchNorm1d(8, track_running_stats=False))


def batch_norm_3d() -> nn.Module:
    return Calling(
        lambda self, x: self.body(self.norm(x[:, :, None])[:, :, 0]),
        norm=nn.BatchNorm3d(1, track_running_stats=False),
        body=convnet(),
    )


def softmax_over_the_batch() -> nn.Module:
    return nn.Sequential(*mlp(), nn.Softmax(dim=0))


def less_the_mean_of_the_batch() -> nn.Module:
    return Calling(lambda self, x: self.body(x - x.mean(dim=0)), body=mlp())


def traced() -> nn.Module:
    return torch.jit.trace(mlp().double(), torch.zeros(2, 1, 6, 6, dtype=torch.float64))


def scripted() -> nn.Module:
    return torch.jit.script(convnet())


def draws_at_random() -> nn.Module:
    return Calling(lambda self, x: self.body(x + torch.randn_like(x)), body=mlp())


def in_training_mode() -> nn.Module:
    network = mlp(nn.Dropout(0.5))
    network.always_training = True
    return network


def returns_a_tuple() -> nn.Module:
    return Calling(lambda self, x: (self.body(x), x), body=mlp())


def one_row_too_few() -> nn.Module:
    return Calling(lambda self, x: self.body(x)[1:], body=mlp())


def writes_into_its_weights() -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.body[1].weight.clamp_(-0.1, 0.1)
        return self.body(x)

    return Calling(forward, body=mlp())


def half_precision() -> nn.Module:
    network = mlp()
    network.dtype = torch.float16
    return network


def brain_floats() -> nn.Module:
    network = mlp()
    network.dtype = torch.bfloat16
    return network


def quantized() -> nn.Module:
    return torch.ao.quantization.quantize_dynamic(mlp(), {nn.Linear}, dtype=torch.qint8)


def layers_in_a_list() -> nn.Module:
    """A list of Python registers no modules: nobody trains them."""
    network = Calling(lambda self, x: self.head(self.layers[0](x).relu()), head=nn.Linear(8, 3))
    network.layers = [nn.Sequential(nn.Flatten(), nn.Linear(36, 8).double())]
    return network


def weight_of_no_module() -> nn.Module:
    matrix = torch.randn(36, 8, dtype=torch.float64, requires_grad=True)
    return Calling(lambda self, x: self.head((x.flatten(1) @ matrix).relu()), head=nn.Linear(8, 3))


REFUSED: dict[Callable[[], nn.Module], str] = {
    batch_norm_2d: "layer '1' gives an example other outputs",
    batch_norm_1d: "layer '3' gives an example other outputs",
    batch_norm_3d: "layer 'norm' gives an example other outputs",
    softmax_over_the_batch: "layer '4' gives an example other outputs",
    less_the_mean_of_the_batch: "gives an example other outputs",
    traced: "ScriptModule",
    scripted: "ScriptModule",
    draws_at_random: "other outputs when it is called again",
    in_training_mode: "layer '3' is in training mode",
    returns_a_tuple: "returns a tuple",
    one_row_too_few: "returns (2, 3) for 3 examples",
    writes_into_its_weights: "in-place operation",
    quantized: "layer '1' is quantized",
    layers_in_a_list: "that asks for a gradient and is none of its parameters",
    weight_of_no_module: "depend on a tensor (36, 8) that asks for a gradient and is none of its parameters",
    half_precision: "is float16",
    brain_floats: "is bfloat16",
}
