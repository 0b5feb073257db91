"""Which networks the suites need, and how they come to be in the store.

zoo.py             a zoo: units (unit.py: a data set and a network), seeds; its twins, which the gate compares
grid.py            its hyperparameters
trained_with.py    how its networks are trained: sgd, adam, adamw
facts.py           what is so of its data and networks
zoos.py            those of this project               units.md   the units of digits, and how they were chosen
opening.py         a zoo found by its door, this project's or a user's own, and opened on its data
contract.py        what a user's networks must be (network_problems.py: what can be wrong with them)
check.py           a zoo tried: `zoo check`
interventions.py   the networks that the questions beyond the gate add; once_per_zoo.py: worked out once
build.py           recipes -> stored models; what is missing is trained in worker processes
release.py         a zoo's models in one archive for others, with its digest
train_jobs.py      what such a worker does: train one recipe, or a group of them together, and publish
"""
