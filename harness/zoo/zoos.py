"""The zoos of this project, by their names."""

from harness.zoo.grid import Grid
from harness.zoo.trained_with import adam
from harness.zoo.zoo import Zoo

AS_THE_PAPER = {"crop": 28, "standardisation": "each_image"}
IN_BFLOAT16 = {"precision": "bfloat16"}  # large networks, for machines that multiply it fast
PAPER_RATES = {"inception_small": 0.01, "inception_small_no_bn": 0.01, "alexnet_small": 0.01, "mlp_1x512": 0.01}

DIGITS = Zoo(
    "digits",
    data_set="digits",
    networks={"convnet": 0.06, "convnet_bn": 0.06, "mlp_3x256": 0.06, "mlp_1x512": 0.2},
    grid=Grid(
        "mlp_{depth}x{width}",
        axes={"width": (16, 64, 256), "depth": (1, 3), "batch_size": (16, 64), "learning_rate": (0.01, 0.03)},
        num_train=300,
    ),
)

# Rates and optimizers were chosen on random labels, by what fits them soonest, and on nothing else.
DIGITS_MODERN = Zoo(
    "digits-modern",
    data_set="digits",
    networks={"vit_small": adam(0.001), "resnet_small_gn": 0.03, "resnet_small": 0.03, "residual_mlp_2x128": 0.06},
)

# The networks of the digits, so that what differs is the data: 5,000 images, since on 1,000 of CIFAR-10 natural
# training hardly generalizes, and norms then rank noise below nature.
CIFAR10_SMALL = Zoo(
    "cifar10-small",
    data_set="cifar10",
    networks={"convnet": 0.03, "convnet_bn": 0.03, "mlp_3x256": 0.03, "mlp_1x512": 0.01},
    num_train=5000,
    training=AS_THE_PAPER,
)
CIFAR10 = Zoo(
    "cifar10", data_set="cifar10", networks=PAPER_RATES, num_train=10_000, training=AS_THE_PAPER | IN_BFLOAT16
)
MNIST = Zoo("mnist", data_set="mnist", networks=PAPER_RATES, num_train=5000, training=AS_THE_PAPER | IN_BFLOAT16)

DEFAULT_ZOO = "digits"
ZOOS = {zoo.name: zoo for zoo in (DIGITS, DIGITS_MODERN, CIFAR10_SMALL, CIFAR10, MNIST)}
