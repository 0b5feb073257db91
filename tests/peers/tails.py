"""Heavy tails by WeightWatcher, the tool of the measures' authors, and by powerlaw.

WeightWatcher and powerlaw choose where a tail starts as the code of Clauset, Shalizi & Newman does: by the largest
distance on one side of the steps of the data's distribution. Here it is the largest on both sides, which is Kolmogorov
and Smirnov's, and a tail has at least 10 eigenvalues. Where the starts are the same, so are all three values.
"""

import contextlib
import functools
import io
import logging
import math
from typing import Any

import torch

from measures.spectral._weight_spectra import pooled_spectra, power_laws
from measures.trained_model import TrainedModel
from tests.peers.comparison import ABOVE_CHANCE, ROUNDING, Comparison, Pair, beside, own_copy, value

SAME_START = 1e-6  # relative
ANY_EXPONENT = [1.0, 1000.0]  # powerlaw's default ends at 3, and its fits are cut off there
FEWEST = 50  # eigenvalues of a layer that counts, here and there


@functools.lru_cache(maxsize=64)
def details(trained: TrainedModel) -> Any:
    """WeightWatcher's table, a row a layer; no weights rescaled, as here."""
    with contextlib.redirect_stdout(io.StringIO()), _quiet():
        import weightwatcher

        watcher = weightwatcher.WeightWatcher(model=own_copy(trained).requires_grad_(False))
        return watcher.analyze(
            min_evals=FEWEST, conv2d_norm=False, glorot_fix=False, randomize=False, mp_fit=True, plot=False
        )


@contextlib.contextmanager
def _quiet():
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def of_the_network(column: str, trained: TrainedModel) -> float:
    return float(details(trained)[column].mean())


def of_equal_tails(column: str, trained: TrainedModel) -> Pair | None:
    """Means over the layers whose tails start at the same eigenvalue here and there."""
    rows = {str(row["longname"]): row for _, row in details(trained).iterrows()}
    ours: list[float] = []
    theirs: list[float] = []
    for spectrum, law in zip(pooled_spectra(trained), power_laws(trained), strict=True):
        row = rows[spectrum.name]
        if math.isclose(float(row["xmin"]), law.start, rel_tol=SAME_START):
            logs = spectrum.eigenvalues.log()
            own = {
                "alpha": law.exponent,
                "alpha_weighted": law.exponent * float(logs[0]) / math.log(10),
                "log_alpha_norm": float(torch.logsumexp(law.exponent * logs, 0)) / math.log(10),
            }
            ours.append(own[column])
            theirs.append(float(row[column]))
    return (math.fsum(ours) / len(ours), math.fsum(theirs) / len(theirs)) if ours else None


def exponents_by_powerlaw(trained: TrainedModel, given_start: bool) -> float:
    import powerlaw

    exponents = []
    for spectrum, law in zip(pooled_spectra(trained), power_laws(trained), strict=True):
        start = law.start * (1 - SAME_START) if given_start else None
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            values = spectrum.eigenvalues.numpy()
            fitted = powerlaw.Fit(values, xmin=start, verbose=False, parameter_ranges={"alpha": ANY_EXPONENT})
        exponents.append(float(fitted.power_law.alpha))
    return math.fsum(exponents) / len(exponents)


OF_MEASURES = {"power_law_alpha": "alpha", "weighted_alpha": "alpha_weighted", "log_alpha_norm": "log_alpha_norm"}
COMPARISONS = [
    *(
        Comparison(
            measure=measure,
            package="weightwatcher",
            pair=functools.partial(of_equal_tails, column),
            ratio=ROUNDING,
            rank=0.99,
            why="the same, over layers where both choose the same start of the tail",
        )
        for measure, column in OF_MEASURES.items()
    ),
    *(
        Comparison(
            measure=measure,
            package="weightwatcher",
            pair=beside(measure, functools.partial(of_the_network, column)),
            ratio=None,
            rank=ABOVE_CHANCE,
            why="all layers: tails of at least 10 eigenvalues, distances on both sides here",
        )
        for measure, column in OF_MEASURES.items()
    ),
    Comparison(
        measure="mp_soft_rank",
        package="weightwatcher",
        pair=beside("mp_soft_rank", functools.partial(of_the_network, "mp_softrank")),
        ratio=None,
        rank=ABOVE_CHANCE,
        why="the edge by variational Bayes of the reshaped, folded kernel here; there by a fit to a smoothed density",
    ),
    Comparison(
        measure="power_law_alpha",
        package="powerlaw",
        pair=lambda trained: (value("power_law_alpha", trained), exponents_by_powerlaw(trained, given_start=True)),
        ratio=ROUNDING,
        rank=1.0,
        why="the same, where the tail's start is given to it",
    ),
    Comparison(
        measure="power_law_alpha",
        package="powerlaw",
        pair=lambda trained: (value("power_law_alpha", trained), exponents_by_powerlaw(trained, given_start=False)),
        ratio=None,
        rank=ABOVE_CHANCE,
        why="any start: tails of at least 10 eigenvalues, distances on both sides here; exponents above 3 let in there",
    ),
]
