"""From rows to verdicts and findings: may a measure be called one of generalization, and what does it really see?

Read verdict.py first (the gate: one sign test on twins; twin_statistics.py has its arithmetic), then questions/ (what
is asked beyond it, on trend.py, fraction.py, ranking.py and conditional_information.py). plan.py is what a run asks
for, results.py what is known and follows from it, run.py the work between the two; baseline.py compares with what was
recorded. report_properties.py has the two names under which a test hands its verdict or finding on.
"""
