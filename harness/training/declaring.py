"""Networks and data sets are declared: functions under @network and @data_set, of this project or in a user's own file.

Nothing is guessed from a name: what kind a network is, and what its data have a meaning for, its declaration says.
"""

import contextlib
import dataclasses
import functools
import inspect
import re
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from harness.errors import HarnessError, check_given, shown
from harness.files.function_digest import function_digest
from harness.files.user_module import guarded
from harness.training.recipe import Condition

if TYPE_CHECKING:
    from torch import nn

OWN = "harness."
PUBLISHED = ("scikit-learn", "torchvision")
"""Where data come from whose name says what they are: everybody has the same."""
OF_A_ZOO = "a zoo's own"
OF_INPUTS: tuple[Condition, ...] = ("shuffled_pixels", "random_pixels", "gaussian")
"""The randomizations that need inputs of a kind; random labels have a meaning for all."""

Build = Callable[..., "nn.Module"]


@dataclasses.dataclass(frozen=True, eq=False)
class DeclaredNetwork:
    """A function of (input_shape, num_classes) that builds a network, under @network; calling it calls the function.

    - `name`: the function's, or a pattern such as "mlp_{depth}x{width}" for a family of networks; `sizes` are then the
      names in braces, which the function takes as well. `member` gives one of a family, and `given` its sizes.
    - `blind_to_positions`: one fixed permutation of the positions of all inputs is, to it, the same problem.
    """

    function: Build
    name: str
    blind_to_positions: bool = False
    given: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def __call__(self, input_shape: tuple[int, ...], num_classes: int, **options: Any) -> "nn.Module":
        """The function's network; of a member of a family, with its sizes."""
        return self.function(input_shape, num_classes, **self.given, **options)

    @property
    def sizes(self) -> tuple[str, ...]:
        """The names in braces; none of a single network, or of a member."""
        return tuple(field for _, field, _, _ in string.Formatter().parse(self.name) if field)

    @property
    def takes_dropout(self) -> bool:
        """Whether the function has a parameter `dropout`, the probability at which hidden units are dropped."""
        return "dropout" in inspect.signature(self.function).parameters

    @functools.cached_property
    def code(self) -> str:
        """The digest of the function and of what it refers to; "" of this project's, which have a version."""
        return "" if is_own(self.function) else function_digest(self.function)

    def member(self, **sizes: int) -> "DeclaredNetwork":
        """The network of a family that has these sizes: `mlp.member(depth=1, width=512)`."""
        if {*sizes} != {*self.sizes}:
            raise HarnessError(
                f"{self.name} takes the sizes {', '.join(self.sizes) or 'none'}; got {', '.join(sizes) or 'none'}"
            )
        if wrong := [name for name, size in sizes.items() if type(size) is not int or size < 0]:
            raise HarnessError(
                f"{self.name} is given {wrong[0]} = {shown(sizes[wrong[0]])}; expected a whole number (int), 0 or more"
            )
        return dataclasses.replace(self, name=self.name.format(**sizes), given=sizes)

    def named(self, name: str) -> "DeclaredNetwork | None":
        """This network, or the member of this family, that has the name."""
        if not self.sizes:
            return self if name == self.name else None
        parts = string.Formatter().parse(self.name)
        number = "0|[1-9][0-9]*"  # and no 08: one network has one name
        pattern = "".join(re.escape(text) + (rf"(?P<{field}>{number})" if field else "") for text, field, _, _ in parts)
        found = re.fullmatch(pattern, name)
        return self.member(**{size: int(number) for size, number in found.groupdict().items()}) if found else None


@dataclasses.dataclass(frozen=True, eq=False)
class DeclaredDataSet:
    """A function of a folder that reads a data set, under @data_set; see there."""

    function: Callable[[Path], Any]
    name: str
    randomizations: tuple[Condition, ...]
    files: Callable[[Path], Sequence[Path]] | None = None
    origin: Callable[[Path], str] = lambda folder: OF_A_ZOO
    train_size: int | None = None

    def __call__(self, folder: Path) -> Any:
        """What the function reads from the folder."""
        return self.function(folder)

    @property
    def is_own(self) -> bool:
        """Whether it is this project's."""
        return is_own(self.function)

    def named(self, name: str) -> "DeclaredDataSet | None":
        """This data set, if it has the name."""
        return self if name == self.name else None

    @functools.cached_property
    def code(self) -> str:
        """The digest of the function and of what it refers to; "" of this project's."""
        return "" if self.is_own else function_digest(self.function)


OWN_NETWORKS: dict[str, DeclaredNetwork] = {}
OWN_DATA_SETS: dict[str, DeclaredDataSet] = {}


@dataclasses.dataclass
class _Opened:
    """The zoo of a user's own that this process works for: where it is declared, and what it brings."""

    where: str = ""
    networks: dict[str, DeclaredNetwork] = dataclasses.field(default_factory=dict)
    data_sets: dict[str, DeclaredDataSet] = dataclasses.field(default_factory=dict)


OPENED = _Opened()


@overload
def network(function: Build) -> DeclaredNetwork: ...
@overload
def network(
    function: None = None, *, name: str = "", blind_to_positions: bool = False
) -> Callable[[Build], DeclaredNetwork]: ...
def network(
    function: Build | None = None, *, name: str = "", blind_to_positions: bool = False
) -> DeclaredNetwork | Callable[[Build], DeclaredNetwork]:
    """Declare a network: a function of (input_shape, num_classes) that builds a torch.nn.Module.

    - `input_shape`: of one example, without the batch: (channels, height, width), (features,), ... The module takes a
      batch of them, float32, and gives logits (batch, num_classes). Its weights are drawn from torch's generator.
    - `dropout`: where the function has such a parameter, it is the probability at which hidden units are dropped.
    - `name`: a family of networks, one for each choice of its sizes: `@network(name="mlp_{depth}x{width}")` on a
      function that takes `depth` and `width` as well; they are integers.
    - `blind_to_positions`: say so where one permutation of all inputs' positions changes nothing for the network, as
      for an MLP: then the shuffled_pixels suite is asked of it.

    Raises HarnessError, with the file and line, for a function that takes something else.

    >>> from torch import nn
    >>> from harness import network
    >>> @network(name="narrow_{width}", blind_to_positions=True)
    ... def narrow(input_shape, num_classes, width):
    ...     (features,) = input_shape
    ...     return nn.Sequential(nn.Linear(features, width), nn.ReLU(), nn.Linear(width, num_classes))
    >>> narrow.member(width=4).name
    'narrow_4'
    """

    def declare(function: Build) -> DeclaredNetwork:
        declared = DeclaredNetwork(function, name or _name_of(function), blind_to_positions)
        _check_signature(function, 2, declared.sizes, f"network {declared.name!r}", "(input_shape, num_classes)")
        _check_name(function, declared.name, r"[\w.{}-]+")
        if found := re.search(r"}[0-9]*{", declared.name):
            raise HarnessError(
                f"{_where(function)}: network {declared.name!r} has {found[0]!r} between two sizes; write a letter or "
                "a sign between them: names with other sizes would be the same"
            )
        if len({*declared.sizes}) < len(declared.sizes):
            raise HarnessError(f"{_where(function)}: network {declared.name!r} has a size twice; leave one out")
        if is_own(function):
            OWN_NETWORKS[declared.name] = declared
        return declared

    given = {"function": function, "name": name, "blind_to_positions": blind_to_positions}
    check_given(network, given, "network's {}".format)
    return declare if function is None else declare(function)


@overload
def data_set(function: Callable[[Path], Any]) -> DeclaredDataSet: ...
@overload
def data_set(
    function: None = None,
    *,
    randomizations: Iterable[Condition] = OF_INPUTS,
    files: Callable[[Path], Sequence[Path]] | None = None,
    origin: Callable[[Path], str] = ...,
    train_size: int | None = None,
) -> Callable[[Callable[[Path], Any]], DeclaredDataSet]: ...
def data_set(
    function: Callable[[Path], Any] | None = None,
    *,
    randomizations: Iterable[Condition] = OF_INPUTS,
    files: Callable[[Path], Sequence[Path]] | None = None,
    origin: Callable[[Path], str] = lambda folder: OF_A_ZOO,
    train_size: int | None = None,
) -> DeclaredDataSet | Callable[[Callable[[Path], Any]], DeclaredDataSet]:
    """Declare a data set: a function of the folder that data lie in (--data-dir) that reads it.

    It returns (train_inputs, train_labels, test_inputs, test_labels); or (inputs, labels), of which each seed then
    draws its own fifth to test on. Inputs (n, ...) are floats of any shape (uint8, 0 to 255, becomes floats of 0 to 1),
    all examples of one shape; labels (n,) are integers from 0. The same every time: what is drawn in it is seeded.

    - `randomizations`: those of shuffled_pixels, random_pixels and gaussian that have a meaning for these inputs [all];
      random labels always have. The two of pixels permute positions: the entries of inputs (n, features), else those of
      the dimensions after the channels, (n, channels, ...).
    - `files`: a function of the folder that gives the files and folders that are read. Then what was read is kept in
      the cache folder, until one of them changes.
    - `origin` and `train_size` are for data sets of this project: where they come from, and how many examples there are
      to train on.

    Raises HarnessError, with the file and line, for a function that takes something else.

    >>> import torch
    >>> from harness import data_set
    >>> @data_set(randomizations=("gaussian",))
    ... def two_clouds(folder):
    ...     inputs = torch.randn(400, 5, generator=torch.Generator().manual_seed(0))
    ...     return inputs, (inputs[:, 0] > 0).long()
    >>> two_clouds.name, two_clouds.randomizations
    ('two_clouds', ('gaussian',))
    """

    def declare(function: Callable[[Path], Any]) -> DeclaredDataSet:
        _check_signature(function, 1, (), f"data set {_name_of(function)!r}", "(folder)")
        _check_name(function, function.__name__, r"\w+")
        wanted = tuple(randomizations)
        if unknown := [name for name in wanted if name not in OF_INPUTS]:
            raise HarnessError(
                f"{_where(function)}: data set {function.__name__!r} has the randomization {unknown[0]!r}; known: "
                f"{', '.join(OF_INPUTS)}"
            )
        listed = files if files is None or is_own(function) else _checked_files(function, files)
        declared = DeclaredDataSet(function, function.__name__, wanted, listed, origin, train_size)
        if declared.is_own:
            OWN_DATA_SETS[declared.name] = declared
        return declared

    given = {"function": function, "randomizations": randomizations, "files": files, "train_size": train_size}
    check_given(data_set, given | {"origin": origin}, "data_set's {}".format)
    return declare if function is None else declare(function)


def is_own(function: Callable[..., Any]) -> bool:
    """Whether a function is this project's."""
    return (function.__module__ or "").startswith(OWN)


def open_declarations(where: str, declared: Iterable[DeclaredNetwork | DeclaredDataSet]) -> None:
    """From now on this process finds these by their names, beside the project's own; those opened before no more.

    `where`: the zoo that brings them, as another process finds it.
    """
    OPENED.where, OPENED.networks, OPENED.data_sets = where, {}, {}
    for part in declared:
        if is_own(part.function):
            continue
        if isinstance(part, DeclaredNetwork):
            OPENED.networks[part.name] = part
        else:
            OPENED.data_sets[part.name] = part


def _name_of(function: Callable[..., Any]) -> str:
    """Its class's, of what can be called and is not a function."""
    return str(getattr(function, "__name__", type(function).__name__))


def _check_signature(
    function: Callable[..., Any], positional: int, sizes: Iterable[str], what: str, expected: str
) -> None:
    if not inspect.isfunction(function):
        raise HarnessError(f"{what} is {shown(function)}; expected a function of {expected}")
    signature = inspect.signature(function)
    try:
        signature.bind(*range(positional), **dict.fromkeys(sizes, 1))
    except TypeError:
        more = "".join(f", {size}" for size in sizes)
        raise HarnessError(
            f"{_where(function)}: {what} takes {signature}; expected {expected.rstrip(')')}{more})"
        ) from None


def _check_name(function: Callable[..., Any], name: str, pattern: str) -> None:
    if not re.fullmatch(pattern, name, re.ASCII):
        raise HarnessError(
            f"{_where(function)}: {name!r:.60} is not a name for records; write a function with a name of its own (def)"
        )


def _checked_files(function: Callable[..., Any], files: Callable[[Path], Any]) -> Callable[[Path], list[Path]]:
    """The same function of a user's own; HarnessError where it raises, or gives anything but paths."""
    what = f"files of data set {function.__name__!r}"
    with contextlib.suppress(ValueError):  # some that are not written in Python have no signature
        signature = inspect.signature(files)
        try:
            signature.bind(Path())
        except TypeError as cause:
            raise HarnessError(f"{_where(function)}: {what} take {signature}; expected (folder)") from cause

    def checked(folder: Path) -> list[Path]:
        found = guarded(lambda: files(folder), what, "cannot be listed")
        if isinstance(found, Iterable) and not isinstance(found, str | bytes):
            found = guarded(lambda: [*found], what, "cannot be listed")  # folder.glob("*") is one, too
        if not isinstance(found, list) or not all(isinstance(path, str | Path) for path in found):
            raise HarnessError(f"{what} are {shown(found, 80)}; expected a list of paths, [folder / 'images.npy']")
        return [Path(path) for path in found]

    return checked


def _where(function: Callable[..., Any]) -> str:
    code = inspect.unwrap(function).__code__
    return f"{code.co_filename}:{code.co_firstlineno}"
