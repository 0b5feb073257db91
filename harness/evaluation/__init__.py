"""What measures give on stored models: rows (measures x models), and what probes find of a measure by calling it.

measure_lookup.py   names -> measures          source_digest.py   a row holds as long as the measure's code does
reading.py          a measure called once      purity.py          what it must not change
claims.py           what the measures' sources claim, as their files say
evaluate_job.py     what a worker does with one model (load_model.py)
blinding.py         a model of which a part is hidden, in a recipe's place
evaluate.py         rows for measures x models, from the cache (rows.py) or workers
probe.py            clauses for a measure, each a Finding: contract.py, reparametrization.py, noise_floor.py, cost.py
"""
