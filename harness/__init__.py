"""The harness: from a recipe to a verdict. Read the files in this order.

- recipe.py says what to train; data.py and randomize.py give it its examples; networks.py its network.
- train.py trains it, stopping.py says when to stop, history.py what is remembered.
- store.py keeps trained models on disk; workers.py runs jobs in processes; zoo.py says which models there are.
- trained_model.py is all that a measure may see, with layers.py and folding.py for its weights.
- evaluate.py joins measures and models to rows, watched by purity.py; rows.py keeps them, as long as
  source_digest.py says that they hold; contract.py asks whether a measure is well-behaved.
- statistics.py and verdict.py turn rows into a verdict with its evidence.
- judging.py is one run of the suites; record.py its JSON; pytest_plugin.py and __main__.py are the front doors.
"""
