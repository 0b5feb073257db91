"""The records of several zoos side by side: which measures win which units, and what the units that are lost share.

witnessed.py      records -> what each measure's units decided; a unit of two zoos counts once
properties.py     what is known of a unit: from the records alone, else nothing
architecture.py   what the names of this project's networks say of them; inputs and classes from counts of parameters
association.py    Kendall's tau between a property and winning, with the p-values of permutations
families.py       the shares of units, by family of measures
summary.py        all of it, as the leaderboard has it
tables.py         the same printed: `python -m harness leaderboard across`
figure.py         the same drawn: families by units
"""
