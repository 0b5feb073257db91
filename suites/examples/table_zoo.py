"""A zoo of a table, which is not made of images: 178 wines, 13 numbers of each, 3 cultivars.

pytest suites/ --zoo=./suites/examples/table_zoo.py::wines --measure=path_norm
"""

from sklearn.datasets import load_wine
from torch import nn, tensor

from harness import Grid, Zoo, adam, data_set, network


@network(name="layers_{depth}x{width}", blind_to_positions=True)
def layers(input_shape, num_classes, depth, width, dropout=0.0):
    hidden = []
    for columns in [*input_shape, *[width] * (depth - 1)]:
        hidden += [nn.Linear(columns, width), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*hidden, nn.Linear(width, num_classes))


@data_set(randomizations=("shuffled_pixels", "gaussian"))
def wine(folder):
    """Every column has a mean of 0 and a variance of 1. Each seed draws the fifth that it tests on."""
    table, cultivars = load_wine(return_X_y=True)
    return tensor((table - table.mean(axis=0)) / table.std(axis=0)), tensor(cultivars)


wines = Zoo(
    "wines",
    data_set=wine,
    networks={
        **{layers.member(depth=1, width=width): 0.1 for width in (128, 160, 192, 224, 256)},
        **{layers.member(depth=2, width=width): adam(0.003) for width in (64, 80, 96, 112, 128)},
    },
    seeds_per_network=1,
    training={"batch_size": 32},
    grid=Grid(
        layers,
        axes={"width": (16, 64), "depth": (1, 2), "batch_size": (8, 32), "learning_rate": (0.02, 0.05)},
        num_train=100,
    ),
)
