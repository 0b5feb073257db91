"""Zhang et al. 2017, reproduced: every table, figure and experiment is a command of `python -m harness paper`.

command.py       the commands' list and common options        reported.py       the numbers that the paper reports
result.py        ours beside the paper's, as JSON             figure_files.py   a figure as SVG and PNG
cifar10/         table 1, figures 1 and 2                     imagenet/         table 2, and figure 2a's numbers
kernels/         section 5: interpolants and linear models    expressivity/     theorem 1
"""
