"""Measures that explain nothing and try to learn the answer, and what becomes of them.

Each file of `attacks/` is a route; a measure in it is one way. They know more than a stranger would: the paths of the
cache, of a file with all answers, of a listener (`where.py`, which the fixture writes). An attack has no value, or ties
on every twin, or is an error; and measures beside it have the values that they have without it.

What is not closed, and why:

- A table in the measure's own file, of known outcomes or of public data with their labels: `--fresh` answers it.
- Few seeds: the network before training, or the order of labels, tells which of the zoo's few seeds is the recipe's,
  and the seed draws random labels and noise again (seeds.py, the last). Large seeds that are drawn after a measure was
  written, as `--fresh` does, answer it too.
- Data alone: that labels do not follow from inputs is seen without any network.
- Times: how long a call of `retrain` takes, and the caches of processor and kernel (a fault that had to wait for the
  disk is counted). Numbers that the kernel gives out in a row, of processes and on some file systems of files: a call
  that starts as many as it likes says a number to the next one. Order and condition are in none of them.
- Names: whether a file is there, its size and times can be asked wherever a path is guessed (Landlock has no word
  for it). What is read of the store leaves no time of access; a file of another user's, or on another system, does.
  Models, whose sizes tell how long they were trained, lie in a folder that nobody can guess
  (harness/store/secret_folder.py); in a store of an earlier version that is only read (`--shared-cache`) they do not.
- Times of access: a call that reads a file of an installed package sets it, once a day on most systems, and a later
  call sees that. So calls may leave each other notes, as with numbers of processes; order and condition are in none of
  them.
- What the host has freed of the model before, in memory that it still has.
"""
