"""What every pytest run beside an installation loads. It does nothing there, unless the run is one of the suites.

Another project's run gets no option, no marker and no import from here. So this module imports nothing of ours before
it knows, and is installed under a name of its own, `shatterproof_guest`: `harness` and `measures` may be files of that
project.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

HOME = next(
    folder for folder in Path(__file__).resolve().parents if (folder / "harness" / "pytest_plugin.py").is_file()
)
"""Where our packages stand: a checkout, or site-packages."""

SUITES = HOME / "suites"
PLUGIN = "harness.pytest_plugin"
PACKAGES = ("harness", "measures", "suites")


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """In a run of the suites the plugin is loaded, and with it the options."""
    config: Any = pluginmanager.get_plugin("pytestconfig")
    if not any(map(is_ours, named_paths(config))):
        return
    if in_the_way := put_ours_first():
        import pytest

        raise pytest.UsageError(in_the_way)
    pluginmanager.import_plugin(PLUGIN)


def is_ours(path: Path) -> bool:
    """Whether it is in the suites; a checkout as a whole has them too."""
    resolved = path.resolve()
    return resolved == SUITES or SUITES in resolved.parents or (resolved == HOME and (HOME / "tests").is_dir())


def named_paths(config: pytest.Config, given: Sequence[object] | None = None) -> Iterator[Path]:
    """What the run is told to collect: what is `given`, else as far as it is known before all options are: words after
    options that are not known yet are among it."""
    known, started_in = config.known_args_namespace, config.invocation_params.dir
    words = known.file_or_dir if given is None else given
    named = [str(name).partition("::")[0].partition("[")[0] for name in words]
    if not named:
        named = [*(config.getini("testpaths") if started_in == config.rootpath else ())] or ["."]
    for name in named:
        module = _module_of_the_suites(name) if known.pyargs else None
        yield module or started_in / name


def put_ours_first(names: Sequence[str] = PACKAGES) -> str:
    """See that our packages are found before files of the same name in the working folder.

    If one of these was imported already, a sentence that says so; else "".
    """
    for name in names:
        if name in sys.modules and (place := _place(name)) != HOME / name:
            return f"{place} stands in the place of shatterproof's package {name!r}; rename it, or start elsewhere"
    if any(_place(name) != HOME / name for name in names):
        sys.path.insert(0, str(HOME))
    return ""


def _module_of_the_suites(name: str) -> Path | None:
    """The place of what `pytest --pyargs` takes for a module of a package named as the suites are."""
    package, *parts = name.split(".")
    place = _place(package) if package == SUITES.name else None
    return None if place is None else place.joinpath(*parts)


def _place(name: str) -> Path | None:
    """The folder, or the file, that a top-level name is or would be imported from."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # ValueError: a module that was made by hand has the name
        return None
    if spec is None:
        return None
    places = [*(spec.submodule_search_locations or ())] or [spec.origin or ""]
    return Path(places[0]).resolve()
