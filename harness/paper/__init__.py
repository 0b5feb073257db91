"""The paper reproduced: Zhang et al. 2017, every table, figure and experiment as a command.

- command.py is the front door; reported.py has the numbers that the paper reports, result.py writes ours beside them.
- settings.py has the paper's training on CIFAR-10 as recipes. table1.py trains the table's rows.
- figure1.py and figure2.py train what their panels need (convergence.py says when training has converged), *_result.py
  make rows of it, *_drawing.py draw them, figure_files.py writes the files.
- kernels.py is section 5, its rows in gaussian_rows.py, convolution_rows.py, non_generalizing.py and linear_rows.py:
  interpolation.py solves K alpha = y in blocks, interpolants.py keeps the solutions; kernels are gaussian_kernel.py and
  convolution_kernel.py, of the pixels or features of kernel_data.py, gabor.py and random_convolution.py; linear.py is
  about linear models; kernel_scale.py says how much of the paper's, kernels_figure.py draws.
- expressivity.py is theorem 1: representation.py finds the weights along a direction from projection.py,
  relu_networks.py evaluates them; expressivity_figure.py draws.
- imagenet.py is table 2: imagenet_setting.py says what is trained and how, imagenet_train.py trains it in the processes
  of imagenet_processes.py, imagenet_state.py keeps it, imagenet_result.py makes rows of it.
"""
