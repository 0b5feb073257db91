"""What the measures' sources say of random labels, beside what was found.

claims_file.py    baselines/claims.toml: written from the docstrings of measures, with how each claim was checked
found.py          does a claim hold on a data set?
tables.py         claimed and found, printed: `python -m harness leaderboard claims`
"""
