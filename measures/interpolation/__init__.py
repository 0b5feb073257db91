"""What a network says between its training examples: of the gap, and not of the error (README.md).

_midpoints.py             pairs of nearest examples, and the network's outputs halfway
midpoint_error.py         the share of midpoints that get neither label
midpoint_margin.py        how much margin is lost halfway
midpoint_entropy.py       how much less sure it is halfway
displaced_error.py        errors where examples move as neighbours differ
segment_bend.py           features halfway
feature_leave_one_out.py  a regression on the features without one example
halves_between.py         two networks of half the examples each, halfway between these
gap_versions.py           errors of other families, minus the training error
"""
