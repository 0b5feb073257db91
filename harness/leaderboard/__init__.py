"""The leaderboard: records folded into ranks, checked, compared, merged, and shown as a page.

reading.py finds the records in folders; recompute.py has every verdict and finding follow from rows again, check.py
with check_record.py that nothing was edited; standings.py ranks; compare.py says what changed; merge.py joins folders;
page.py and its figures draw; command.py is `python -m harness leaderboard`.
"""
