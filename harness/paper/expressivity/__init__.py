"""Theorem 1: a network with 2n + d weights represents any labels of n points in d dimensions.

theorem1.py         the command: samples, rows, a table
projection.py       a direction along which all points differ
representation.py   the weights, exactly, in fractions     relu_networks.py   the same function as ReLU networks
figure.py           the function, and what rounding leaves
"""
