"""The questions put to a measure beyond the gate, in the order in which they are asked: what does it really see?

Read question.py first (a Question: models, premise, clauses), then any question. Several rest on what they have in
common: twins.py (the gate's sign test), trends.py (ladders: in how many units does it rise?), fractions.py (how far on
the way to random labels), random_labels.py (has it a scale at all?). A new question is a file here, an entry in
QUESTIONS, and a suite that has it in its marker.
"""

from harness.judging.questions import (
    corrupted_labels,
    early_stopping,
    hyperparameters,
    regularizers,
    same_data,
    sample_size,
    shuffled_pixels,
    stopping_rule,
)
from harness.judging.questions.question import Question

QUESTIONS: tuple[Question, ...] = (
    same_data.QUESTION,
    corrupted_labels.QUESTION,
    regularizers.QUESTION,
    early_stopping.QUESTION,
    stopping_rule.QUESTION,
    sample_size.QUESTION,
    shuffled_pixels.QUESTION,
    hyperparameters.QUESTION,
)
