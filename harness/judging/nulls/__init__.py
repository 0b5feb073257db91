"""Nulls: what should not pass, put to the judge as any measure is. How often does it pass the gate, and each finding?

units/nulls.py simulates units that are won by coins; here the values are of a zoo's own models, and `judge` and the
questions' clauses decide. material.py is what is taken from the store, coins.py, directions.py and sums.py are the
nulls, passing.py counts, table.py prints, command.py is `python -m harness nulls`.
"""
