"""What a stranger's measure says of where it stands is held against what is there."""

from pathlib import Path

import pytest

from harness.calling.sealed_measure import declare
from harness.errors import HarnessError
from tests import ROOT

FORGED = """
from measures import measure
text = "def l2_norm(trained):\\n    return 1.0\\n"
space = {"__name__": NAME}
exec(compile(text, "FILE", "exec"), space)
l2_norm = measure(source="a test")(space["l2_norm"])
"""


@pytest.mark.parametrize("name", ["__name__", "'helper'"])
def test_a_measure_does_not_stand_in_a_file_of_this_project(name: str, tmp_path: Path) -> None:
    """Its record would have the digest of the other's source, and its name would be free for it."""
    path = tmp_path / "forged.py"
    own = ROOT / "measures" / "norms" / "l2_norm.py"
    path.write_text(FORGED.replace("NAME", name).replace("FILE", str(own)))
    with pytest.raises(HarnessError, match=r"the source of l2_norm is said to be .*l2_norm\.py, which is not"):
        declare(str(path), "l2_norm", "forged.py::l2_norm")


@pytest.mark.parametrize("said", ["/dev/zero", "/proc/kcore", "/nowhere.py"])
def test_the_source_of_a_measure_is_a_file_that_can_be_read(said: str, tmp_path: Path) -> None:
    """It is read here, for its digest; a device has no end."""
    path = tmp_path / "forged.py"
    said_so = f"object.__setattr__(mine, 'file', {said!r})\nobject.__setattr__(mine, 'origin', 'another')\n"
    path.write_text(
        f"from measures import measure\n@measure(source='a test')\ndef mine(trained):\n    return 0.0\n{said_so}"
    )
    with pytest.raises(HarnessError, match=f"the source of mine is said to be {said}, which is not a Python file"):
        declare(str(path), "mine", "forged.py::mine")
