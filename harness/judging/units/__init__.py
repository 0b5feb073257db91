"""The verdict over units: seeds decide a unit, units decide a condition, conditions decide the gate.

A unit is a data set with one network, and a few seeds, best an odd number. Networks of one unit are not independent
witnesses, so its seeds give one vote. Pure functions on numbers; read them in this order:

- witnesses.py: which twins are seeds of one unit?
- decision.py: is a unit won, lost, or neither? What is a tie?
- sign_test.py: how many units suffice, and how few are too few?
- networks.py: which networks are lost altogether, and how many may be?
- heterogeneity.py: do units differ by more than chance?
- condition.py: the status under one condition.
- power.py: how often must a measure win to pass?
- headline.py: verdicts as sentences.
- fractions.py, equivalence.py: findings about interventions, two-sided, with the unit as the unit of the test.
- nulls.py: how often does a measure pass that knows nothing?
"""
