"""The suites: each file asks one question of a measure.

They run with pytest, by their path, or from anywhere as `pytest --pyargs suites`.
"""
