"""Records, folded, checked, compared, merged, and shown as a page: `python -m harness leaderboard` (command.py).

reading.py       where records are            recompute.py     verdicts and findings once more, from a record's rows
check.py         is every record what it says? One of them: check_record.py; its zoo: check_zoo.py
standings.py     records -> a leaderboard     compare.py       what changed between two records of one measure
standing.py      a record's part of it: the gate (gate.py), groups of findings (groups.py), both without one unit
                 (left_out.py); who dominates whom (dominance.py)
place.py         where a record would stand
across/          the zoos side by side: which units are won, and what those that are lost share
claimed/         what sources claim of random labels, beside what was found
merge.py         records of several folders   page/            the leaderboard as one HTML file
proposal/        what a pull request changes, and whether it passes
"""
