"""Does it look at the network, or only at the data?

Wu, Zhu & E 2017 (arXiv:1706.10239): beside its training set a network can be trained on an attack set, images with
wrong labels; it fits both, and generalizes badly. Here a network is trained on half of the images, and its twin on
the same images beside as many others, wrongly labelled. Both stop at the same loss on the images that they share, and
the measure is handed these, with the same labels, for both. It has to be larger on the attacked twin in enough units,
as in the gate, by more than a tie of its twins on random labels. What reads only data, or the network before training,
ties.
"""

from harness.evaluation.finding import Finding
from harness.judging.questions import random_labels
from harness.judging.questions.question import Outcomes, Question, Rows, unfitted
from harness.judging.questions.twins import compare, larger_gap, pairs_finding
from harness.training.recipe import Recipe
from harness.zoo import interventions
from harness.zoo.zoo import Zoo


def recipes(zoo: Zoo) -> list[Recipe]:
    attacked = [recipe for twin in interventions.same_data(zoo) for recipe in (twin.natural, twin.randomized)]
    return list(dict.fromkeys(attacked + random_labels.models(zoo)))


def premise(zoo: Zoo, outcome: Outcomes) -> list[str]:
    """Every network fits the shared images, and the attacked ones have the larger gap."""
    problem = larger_gap(interventions.same_data(zoo), outcome, "the attacked networks")
    return unfitted(recipes(zoo), outcome) + problem


def same_data(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """`separates`, or `data_only` (ties on every twin), `depends_on_the_network`, `overlaps`, `inverted`."""
    verdict = compare(interventions.same_data(zoo), row, outcome, random_labels.limits(zoo, row))
    if verdict.ties == verdict.twins:
        problem = f"data only: it ties on every one of {verdict.twins} twins that share images and labels"
        return pairs_finding(verdict, "data_only", problem)
    problem = {
        "separates": "",
        "depends_on_the_network": "tells networks trained beside wrong labels in some units alone, by the images they "
        "share",
        "overlaps": "cannot tell a network trained beside wrong labels from one that was not, by the images they share",
        "inverted": "is smaller on networks trained beside wrong labels, by the images they share",
    }.get(verdict.status, verdict.reason)
    return pairs_finding(verdict, verdict.status, problem)


QUESTION = Question("same_data", recipes, premise, (same_data,))
