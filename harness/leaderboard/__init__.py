"""Records, ranked, checked, compared, merged, and shown as a page: `python -m harness leaderboard` (command.py).

reading.py       where records are            recompute.py     verdicts and findings once more, from a record's rows
check.py         is every record what it says? One of them: check_record.py; its zoo: check_zoo.py
standings.py     records -> ranks             compare.py       what changed between two records of one measure
merge.py         records of several folders   page.py          the leaderboard as one HTML file (page_figures.py)
proposal/        what a pull request changes, and whether it passes
"""
