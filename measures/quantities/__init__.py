"""What several families compute from a trained model, mostly once per model.

At any parameters: flat_parameters.py (the network at a flat vector), losses.py (loss, error, gradient, Hessian),
perturbations.py (noise, and the worst of a neighbourhood). Curvature: hessian_spectrum.py, gauss_newton.py. Example by
example: per_example.py (gradients by weights), plain_layers.py (of which layers they can be read off),
gradient_moments.py and gradient_squares.py (their means and mean squares, also with the network's own labels),
gradient_gram.py (their inner products, and the tangent kernel), input_gradients.py (by inputs and representations).
Margins: margin_percentile.py. New inputs: mixup.py. Nearest examples: nearest_others.py. Networks retrained on parts of
the training set: random_splits.py, hold_out.py.
"""
