"""How far the measures agree with other packages: the section of measures/README.md, and what writes it.

python -m tests.peers.agreement_table [CACHE_FOLDER]
"""

import re
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from tests.networks.networks_table import README
from tests.peers import features, hessians, tails
from tests.peers.comparison import Agreement, Comparison, agreement
from tests.peers.networks import sixteen, ten, trained_networks

COMPARISONS: list[Comparison] = [*hessians.COMPARISONS, *features.COMPARISONS, *tails.COMPARISONS]
HEADING = "## Agrees with\n"
HEADER = "| measure | package | networks | ratio | τ | note |"
INTRODUCTION = """
What other packages compute of the same networks: the digits zoo's, fitted to their own labels and to random ones.
*Ratio* is this project's value to theirs, the median and the range over networks; *τ* is Kendall's, of the two orders
of the networks. What has to hold, by the definitions, is asserted in [tests/peers/](../tests/peers/__init__.py), with
`pip install -e '.[peers]'`. Written by `python -m tests.peers.agreement_table`, never by hand.

"""


def row(comparison: Comparison, found: Agreement) -> str:
    """A line of the table."""
    middle, low, high = (
        f"{ratio:.3f}" for ratio in (statistics.median(found.ratios), min(found.ratios), max(found.ratios))
    )
    package = f"{comparison.package} {comparison.version}"
    ratio = f"{middle} [{low}, {high}]"
    cells = [f"`{comparison.measure}`", package, str(len(found.ratios)), ratio, f"{found.rank:.2f}", comparison.why]
    return f"| {' | '.join(cells)} |"


def section(rows: Sequence[str]) -> str:
    return HEADING + INTRODUCTION + "\n".join([HEADER, "| --- | --- | --- | --- | --- | --- |", *rows]) + "\n\n"


def current_section(readme: str) -> str:
    """The section as it stands."""
    start = readme.index(HEADING)
    following = re.compile(r"^## ", re.M).search(readme, start + len(HEADING))
    assert following is not None
    return readme[start : following.start()]


def main(cache_dir: Path | None) -> None:
    torch.set_num_threads(1)
    networks = {costly: trained_networks(ten() if costly else sixteen(), cache_dir) for costly in (False, True)}
    rows = []
    for comparison in COMPARISONS:
        rows.append(row(comparison, agreement(comparison, networks[comparison.costly])))
        print(rows[-1], flush=True)
    readme = README.read_text()
    README.write_text(readme.replace(current_section(readme), section(rows)))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
