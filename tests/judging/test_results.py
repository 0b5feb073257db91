"""A look-up answers from what is known, or says why it cannot."""

import dataclasses

import pytest

from harness.errors import NoVerdict
from harness.evaluation import contract
from harness.evaluation.finding import Finding
from harness.evaluation.measure_lookup import find_measures
from harness.judging.questions import early_stopping
from harness.judging.results import Results
from harness.store.stored_model import StoredModel
from harness.training.recipe import Recipe
from harness.training.train import Outcome
from harness.zoo.zoo import recipes
from measures import Measure
from tests.conftest import TINY

pytestmark = pytest.mark.usefixtures("own_registry")


@pytest.fixture
def norm() -> Measure:
    return find_measures(["l2_norm"])[0]


def stored(recipe: Recipe, fitted: bool = True) -> StoredModel:
    outcome = Outcome(0.01 if fitted else 0.5, 0.0, 1.0, 0.1, epochs=9, steps=90, seconds=1.0, fitted=fitted)
    return StoredModel(recipe, outcome, "0" * 64, "0" * 64, {})


def trained(**fitted: bool) -> Results:
    """The models of random labels, fitted unless their condition is said not to be; and no row."""
    asked = recipes(TINY, ["random_labels"])
    models = {recipe: stored(recipe, fitted.get(recipe.condition, True)) for recipe in asked}
    return Results(TINY, models, premises={"early_stopping": ["the gap is there already"]})


def test_where_the_models_could_not_be_had_every_look_up_says_why(norm: Measure) -> None:
    known = dataclasses.replace(trained(), untrained="the disk is full")
    for look_up in (
        lambda: known.unfitted("random_labels"),
        lambda: known.verdict(norm, "random_labels"),
        lambda: known.premise(early_stopping.QUESTION),
        lambda: known.clause(norm, early_stopping.QUESTION, early_stopping.three_epochs),
        lambda: known.probed(norm, contract.PROBE, "repeats"),
        lambda: known.values(norm, "random_labels"),
        lambda: known.model(recipes(TINY, ["random_labels"])[0]),
    ):
        with pytest.raises(NoVerdict, match=r"^the disk is full$"):
            look_up()


def test_where_rows_or_findings_are_missing_it_says_what_prevented_them(norm: Measure) -> None:
    known = dataclasses.replace(trained(), unmeasured="a model could not be loaded")
    for look_up in (
        lambda: known.verdict(norm, "random_labels"),
        lambda: known.values(norm, "random_labels"),
        lambda: known.probed(norm, contract.PROBE, "repeats"),
    ):
        with pytest.raises(NoVerdict, match=r"^a model could not be loaded$"):
            look_up()
    with pytest.raises(NoVerdict, match=r"^l2_norm was not evaluated on "):
        trained().verdict(norm, "random_labels")


def test_what_was_found_before_is_known_all_the_same(norm: Measure) -> None:
    found = {("contract", "l2_norm", "repeats"): Finding()}
    known = dataclasses.replace(trained(), findings=found, unmeasured="a model could not be loaded")
    assert known.probed(norm, contract.PROBE, "repeats") == Finding()


def test_a_model_that_did_not_fit_is_named_and_there_is_no_verdict(norm: Measure) -> None:
    known = trained(random_labels=False)
    assert len(known.unfitted("random_labels")) == 10
    assert "-random_labels-" in known.unfitted("random_labels")[0]
    with pytest.raises(NoVerdict, match=r"^no verdict on l2_norm: .* stopped at cross-entropy 0.5 after 9 epochs"):
        known.verdict(norm, "random_labels")


def test_a_premise_that_does_not_hold_leaves_the_clause_unjudged(norm: Measure) -> None:
    with pytest.raises(NoVerdict, match=r"^l2_norm is not judged, the premise does not hold: the gap is there"):
        trained().clause(norm, early_stopping.QUESTION, early_stopping.three_epochs)


def test_what_was_not_asked_for_is_said_to_be_so(norm: Measure) -> None:
    with pytest.raises(NoVerdict, match=r"was not asked for$"):
        Results(TINY).unfitted("gaussian")
    with pytest.raises(NoVerdict, match=r"the models of early_stopping were not asked for"):
        Results(TINY).premise(early_stopping.QUESTION)
