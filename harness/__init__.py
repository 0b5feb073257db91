"""The harness: from a recipe to a verdict. Read the files in this order.

- recipe.py says what to train, seeding.py what it draws from; sources.py, data.py and randomize.py give it its
  examples; networks.py its network.
- train.py trains it, augmentation.py on changed examples, precision.py in bfloat16, stopping.py says when to stop;
  training_log.py notes what history.py remembers; checkpoint.py keeps training_state.py, so that a kill costs little.
  together.py trains many of one recipe in one network_stack.py, for accelerators.
- store.py keeps trained models on disk, an entry.py each, written in a private_folder.py; retrained.py keeps what
  measures had retrained. storekeeping/ verifies, cleans, exports and imports.
- workers.py runs jobs in processes, each a worker_process.py; executors.py runs them wherever there is an executor, on
  other machines as elsewhere.py says, dask_cluster.py on many.
- zoo.py says which models the gate asks for, interventions.py which the findings; build.py has those trained that are
  not in the store, by train_jobs.py, which hand back a receipt.py, with progress.py on the screen.
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
- questions/ ask what a passing measure really sees, a file a question, answered from rows by trend.py (Page's test),
  way.py (how far on the way to random labels) and ranking.py with conditional_information.py (grids).
- judging.py is one run of the suites, estimate.py says how long it will take; record.py is its JSON, record_schema.py
  what that may look like, public_text.py what it may say, record_files.py has it on disk, read by strict_json.py
  and written by whole_file.py;
  baseline.py is what is then expected, record_table.py its tables, profile.py and profile_figure.py a measure's figure.
- pytest_plugin.py, __main__.py (with command_options.py) and notebook.py (`judge`, shown by notebook_view.py) are the
  front doors.
- leaderboard/ ranks records, checks, compares and merges them, and draws the page; new_measure.py writes a measure to
  fill in, proposal/ judges what a branch changes; templates/ has their texts. paper/ has the systems of Zhang et al.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.notebook import judge

__all__ = ["judge"]


def __getattr__(name: str) -> Any:
    """`from harness import judge`, without torch for those who import the package for something else."""
    if name == "judge":
        from harness.notebook import judge

        return judge
    raise AttributeError(f"module 'harness' has no attribute {name!r}")
