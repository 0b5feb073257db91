"""A model whose network is of a class of the user's own, on its way to the host: with where that class is declared.

The host imports the user's file by the same door, once, before it takes the model apart (zoo/opening.py). The door is
that of the zoo, the same for all its models: it tells nothing of any of them. A measure that is called on a user's own
zoo can see what that file declares, its seeds and its data set's function too; what it may read of the disk is as ever.
"""

import pickle
import platform
from pathlib import Path

from harness.errors import HarnessError
from harness.files.user_module import is_as_imported
from harness.training.declaring import OPENED


def addressed(packed: bytes) -> bytes:
    """A packed model, behind where this process has its networks from. HarnessError if that file was edited since."""
    path, _, _ = OPENED.where.partition("::")
    if path.endswith(".py") and not is_as_imported(Path(path)):
        raise HarnessError(_is_another(OPENED.where))
    return pickle.dumps((OPENED.where, _codes(), packed))


def received(content: bytes) -> bytes:
    """The packed model, when the classes that it is made of can be found here, the same. HarnessError otherwise."""
    from harness.zoo.opening import reopen_at

    where, codes, packed = pickle.loads(content)
    reopen_at(where)
    if where and codes != _codes():
        raise HarnessError(_is_another(where))
    return bytes(packed)


def _codes() -> dict[str, str]:
    return {name: declared.code for name, declared in OPENED.networks.items()}


def _is_another(where: str) -> str:
    return (
        f"{where} is not what it was when the run was started (on {platform.node()}); run again, in a new process, "
        "when it stays as it is"
    )
