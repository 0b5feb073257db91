"""A measure is called: one of this project in the process at hand, a stranger's in a process of its own, sealed.

call.py             a measure called where it belongs       reading.py    what came of it
purity.py           what it must not change (same_tensor.py: bytes; namespaces.py: functions of torch)
counting.py         how much it worked
handed_out.py       what a stranger's measure is given (noise_on_inputs.py: of a network that noise would change, too)
imports.py          its file, imported
sealed_measure.py   it, from the side that knows the answers
host.py             holds one model, and forks a process for every call
forked_call.py      such a process, from the host's side    sealed_process.py   from its own
request.py          what is asked of it, what may come back
own_networks.py     a model of a user's own class on its way there
confinement.py      what the kernel forbids it              readable.py   which files it may read all the same
system_calls.py     which system calls it may not make      named_packages.py   what the host imports for it

What this cannot keep from a measure (tests/red_team has the attacks that it does):

a table in its own file, of outcomes or of public data   models that nobody has seen answer it (`--fresh`)
a zoo's few seeds, each tried until it draws these labels   large seeds, drawn when the measure is there, answer it
that data alone show what was randomized                 what a measure reads is asked of it apart
how long a call of `retrain` took, caches of the machine  times are noise of the machine; not held
the number of its process, which it can drive on          it says what calls before have said; not the condition
when a file of a package was read, once a day each        the same
whether a file is there, its size and times              where a path is guessed, the cache folder's for one
what the host has freed of the model before              it is in an order that says nothing
"""
