"""A change to the training code must not go by unnoticed: stored models would no longer be what the code trains."""

import hashlib

from harness.files.code_digest import code_digest
from harness.training.recipe import TRAINING_VERSION
from tests import ROOT

TRAINING_CODE = (
    "measures/seeding.py",
    "harness/training/augmentation.py",
    "harness/training/batches.py",
    "harness/training/reading/raw_data.py",
    "harness/training/examples.py",
    "harness/training/data_set.py",
    "harness/training/randomize.py",
    "harness/training/networks/building.py",
    "harness/training/networks/dropout.py",
    "harness/training/networks/mlp.py",
    "harness/training/networks/convnet.py",
    "harness/training/networks/alexnet_small.py",
    "harness/training/networks/inception_small.py",
    "harness/training/networks/inception_v3.py",
    "harness/training/networks/residual_mlp.py",
    "harness/training/networks/resnet.py",
    "harness/training/networks/vit.py",
    "harness/training/networks/residual.py",
    "harness/training/networks/images.py",
    "harness/training/optimizers.py",
    "harness/training/precision.py",
    "harness/training/train.py",
    "harness/training/log.py",
    "harness/training/state.py",
    "harness/training/stopping.py",
)

# Of the files above, as of the version. After an edit that changes what is trained, raise TRAINING_VERSION in
# harness/training/recipe.py; after any other edit, only this line.
LAST_SEEN = (2, "dbde21c597667928")


def ours(module: str) -> bool:
    return module.split(".")[0] in ("harness", "measures")


def test_the_training_code_is_that_of_its_version() -> None:
    codes = [code_digest((ROOT / name).read_bytes(), ours) for name in TRAINING_CODE]
    digest = hashlib.sha256("".join(codes).encode()).hexdigest()[:16]
    assert (TRAINING_VERSION, digest) == LAST_SEEN, (
        f"the training code changed: if it trains other weights now, raise TRAINING_VERSION; then note {digest!r} here"
    )
