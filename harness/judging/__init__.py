"""From rows to verdicts and findings: may a measure be called one of generalization, and what does it really see?

Read verdict.py first (the gate: a sign test over units; units/ has its statistics, twin_statistics.py what is reported
beside it), then questions/ (what is asked beyond it, on trend.py, ranking.py, ceiling.py, conditional_information.py
and information_of_orders.py) and reads.py (what does it read? what_suffices.py has the answers). plan.py is what a run
asks for, results.py what is known and follows from it, run.py the work between the two; baseline.py compares with what
was recorded, agreement.py on fresh twins; nulls/ puts to the judge what should not pass. report_properties.py has the
two names under which a test hands its verdict or finding on.
"""
