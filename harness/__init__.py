"""The harness: from a recipe to a verdict. Read the files in this order.

- recipe.py says what to train; data.py and randomize.py give it its examples; networks.py its network.
- train.py trains it, stopping.py says when to stop, history.py what is remembered.
- store.py keeps trained models on disk, retrained.py what measures had retrained; workers.py runs jobs in processes;
  zoo.py says which models there are.
- trained_model.py is all that a measure may see, with layers.py and folding.py for its weights.
- shared.py has quantities computed once for a model; these are shared by measures:
  - of the loss around the weights: losses.py, perturbations.py, hessian_spectrum.py, gauss_newton.py, sgd_iterates.py;
  - of single examples: per_example.py, gradient_gram.py, gradient_moments.py, kernels.py, input_gradients.py,
    nearest_flip.py, segments.py, mixing.py;
  - of the layers: layer_features.py, class_statistics.py, neighbours.py, weight_spectra.py, matrix_noise.py;
  - of retraining: random_parts.py.
- evaluate.py joins measures and models to rows, watched by purity.py; rows.py keeps them, as long as
  source_digest.py says that they hold.
- checklist.py asks measures what the suites beyond the gate want to know: contract.py, reparametrization.py,
  noise_floor.py; cost.py counts what they do.
- statistics.py and verdict.py turn rows into a verdict with its evidence.
- judging.py is one run of the suites; record.py its JSON, record_table.py that as a table; pytest_plugin.py and
  __main__.py are the front doors.
"""
