"""Twins that were trained elsewhere: pairs of checkpoints of a user's own, judged by the gate.

pair.py is what a user writes, doors.py finds it. Every network is loaded once before any measure is called
(survey.py, by workers; look.py is what one does, on loading.py). What was seen of it is its premise (premise.py), and
its address in the row cache (reference.py). own_twins.py is the whole, which stands where a Zoo does.
"""
