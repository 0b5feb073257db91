"""Section 5: interpolants of minimum norm generalize; there are others that do not; where SGD goes.

rows.py           the command; its rows are in gaussian_rows.py, convolution_rows.py, linear_rows.py, at a scale.py
data.py           the images; features of them in gabor.py and random_convolution.py
interpolation.py  solves K α = y, K from gaussian_kernel.py or convolution_kernel.py; interpolants.py keeps solutions
linear.py         linear models and SGD on them          non_generalizing.py   models that fit and do not generalize
figure.py         errors and norms against the number of images
"""
