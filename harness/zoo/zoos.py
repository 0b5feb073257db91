"""The zoos of this project, by their names."""

from harness.zoo.grid import Grid
from harness.zoo.trained_with import adam, adamw, sgd
from harness.zoo.unit import Fields, Unit
from harness.zoo.zoo import Zoo

AS_THE_PAPER = {"crop": 28, "standardisation": "each_image"}
IN_BFLOAT16 = {"precision": "bfloat16"}  # large networks, for machines that multiply it fast
PAPER_RATES = {"inception_small": 0.01, "inception_small_no_bn": 0.01, "alexnet_small": 0.01, "mlp_1x512": 0.01}

# Chosen on fit, cost, steps and the gap alone, as units.md says. On noisy digits noise is fitted in fewer steps than
# nature: a measure of how long training took loses there.
DIGITS = Zoo(
    "digits",
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
        Unit("digits", "all_convolutional", 0.06),
        Unit("digits", "mixer_small_p4", 0.06),
        Unit("noisy_digits", "all_convolutional", 0.06),
        Unit("noisy_digits", "mixer_small_p4", 0.06),
    ],
    seeds_per_network=3,
    num_train=512,
    grid=Grid(
        "mlp_{depth}x{width}",
        axes={"width": (16, 64, 256), "depth": (1, 3), "batch_size": (16, 64), "learning_rate": (0.01, 0.03)},
        num_train=300,
    ),
)

# Each once, so that a null that keeps one coin for each network passes in 1 of 1,024. Chosen on fit and cost alone, as
# units.md says. A stride, and patches of 7x7, leave 28x28 images a quarter of the time.
OF_28_PIXELS: dict[str, float | Fields] = {
    "mlp_3x256": 0.03,
    "residual_mlp_2x128": adamw(0.001, cosine_epochs=150),
    "convnet_s2": 0.03,
    "convnet_bn_s2": 0.03,
    "all_convolutional": 0.03,
    "resnet_small_s2": 0.03,
    "resnet_small_gn_s2": 0.03,
    "vit_small_p7": adam(0.001),
    "mixer_small_p7": adam(0.001),
}

MNIST_SMALL = Zoo(
    "mnist-small",
    data_set="mnist",
    networks={"mlp_1x512": 0.03, **OF_28_PIXELS},
    seeds_per_network=3,
    num_train=5000,
    grid=Grid(
        "mlp_{depth}x{width}",
        axes={"width": (32, 128, 512), "depth": (1, 3), "batch_size": (32, 256), "learning_rate": (0.01, 0.03)},
        num_train=3000,
    ),
)

# 5,000 images, since on 1,000 of CIFAR-10 natural training hardly generalizes, and norms are then smaller on noise than
# on nature. Its grid is of convolutional networks.
CIFAR10_SMALL = Zoo(
    "cifar10-small",
    data_set="cifar10",
    networks={"mlp_1x512": 0.01, **OF_28_PIXELS},
    seeds_per_network=3,
    num_train=5000,
    training=AS_THE_PAPER,
    grid=Grid(
        "convnet_s{stride}",
        axes={"stride": (2, 4), "batch_size": (32, 256), "learning_rate": (0.01, 0.03), "dropout": (0.0, 0.5)},
        num_train=2500,
    ),
)
CIFAR10 = Zoo(
    "cifar10", data_set="cifar10", networks=PAPER_RATES, num_train=10_000, training=AS_THE_PAPER | IN_BFLOAT16
)
MNIST = Zoo("mnist", data_set="mnist", networks=PAPER_RATES, num_train=5000, training=AS_THE_PAPER | IN_BFLOAT16)

DEFAULT_ZOO = "digits"
ZOOS = {zoo.name: zoo for zoo in (DIGITS, MNIST_SMALL, CIFAR10_SMALL, CIFAR10, MNIST)}
