"""What a pull request proposes, and whether it passes: `python -m harness propose` (command.py).

changed.py      which measures and records it adds or alters; registered.py lists the measures of one tree
review.py       the measures put to the suites, and what stands in the way
unsealed.py     which of them are called as a stranger's, and what of a change the judge itself runs
laid_over.py    its measures and records alone, beside the harness and the suites of another checkout
fresh.py        the same measures on twins that nobody has seen, their number drawn when the review begins
report.py       the review in Markdown                        figures.py   the measures' profiles beside it
new_measure.py  how it begins: a measure's file and its test from templates
"""
