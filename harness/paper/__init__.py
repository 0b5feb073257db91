"""The paper reproduced: Zhang et al. 2017, every table, figure and experiment as a command.

- reported.py has the numbers that the paper reports; result.py writes ours beside them; command.py is the front door.
- settings.py has the paper's training settings as recipes; table1.py, figure1.py, figure2.py train and draw them.
- kernels.py is section 5: interpolation.py solves K alpha = y, with the features of gabor.py and
  random_convolution.py; linear.py shows where gradient descent goes.
- expressivity.py is theorem 1, with its weights.
- imagenet.py is table 2 on class folders.
"""
