"""Jobs in supervised processes: one that dies, hangs or raises costs its own job and nothing else.

worker_process.py   what a worker does: jobs in, events out
pool.py             workers on this machine, and the events that their caller reads
executors.py        the same events wherever jobs run: here, in any executor, on a Dask cluster (dask_cluster.py)
remote.py           a job in another machine's process, and the models that are sent there and back
retrying.py         what was lost is tried again; the zoo and evaluation call this one
progress.py         the bar on the screen                   process_a_core.py   many small calculations
multiprocessing_config.py   one private attribute
"""
