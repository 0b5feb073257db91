"""A change to the training code must not go by unnoticed: stored models would no longer be what the code trains."""

import hashlib
from pathlib import Path

from harness.recipe import TRAINING_VERSION

HARNESS = Path(__file__).parent.parent / "harness"
TRAINING_CODE = (
    "seeding.py",
    "augmentation.py",
    "sources.py",
    "data.py",
    "randomize.py",
    "networks.py",
    "precision.py",
    "train.py",
    "training_log.py",
    "training_state.py",
    "stopping.py",
)

# Of the files above, as of the version. After an edit that changes what is trained, raise TRAINING_VERSION in
# harness/recipe.py; after any other edit, only this line.
LAST_SEEN = (2, "3a2b47b851320a0a")


def test_the_training_code_is_that_of_its_version() -> None:
    digest = hashlib.sha256(b"".join((HARNESS / name).read_bytes() for name in TRAINING_CODE)).hexdigest()[:16]
    assert (TRAINING_VERSION, digest) == LAST_SEEN, (
        f"the training code changed: if it trains other weights now, raise TRAINING_VERSION; then note {digest!r} here"
    )
