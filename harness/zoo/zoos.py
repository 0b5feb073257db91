"""The zoos of this project, by their names."""

from harness.zoo.grid import Grid
from harness.zoo.trained_with import adam, adamw, sgd
from harness.zoo.unit import Unit
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

# Chosen on fit, cost, steps and the gap alone, as units.md says. On noisy digits noise is fitted in fewer steps than
# nature: a measure of how long training took loses there.
DIGITS_UNITS = Zoo(
    "digits-units",
    units=[
        Unit("digits", "mlp_1x512", 0.2),
        Unit("digits", "mlp_3x256", sgd(0.3, momentum=0.0)),
        Unit("digits", "residual_mlp_2x128", adamw(0.002, cosine_epochs=150)),
        Unit("digits", "convnet", 0.06),
        Unit("digits", "convnet_bn", 0.06),
        Unit("digits", "resnet_small", 0.03),
        Unit("digits", "resnet_small_gn", 0.03),
        Unit("digits", "vit_small", adam(0.001)),
        Unit("noisy_digits", "mlp_1x512", 0.2),
        Unit("noisy_digits", "mlp_3x256", 0.06),
        Unit("noisy_digits", "residual_mlp_2x128", 0.06),
        Unit("noisy_digits", "convnet_bn", 0.06),
        Unit("noisy_digits", "resnet_small", 0.03),
        Unit("noisy_digits", "resnet_small_gn", 0.03),
    ],
    seeds_per_network=3,
    num_train=512,
    grid=DIGITS.grid,
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
ZOOS = {zoo.name: zoo for zoo in (DIGITS, DIGITS_UNITS, DIGITS_MODERN, CIFAR10_SMALL, CIFAR10, MNIST)}
