"""Table 1, figures 1 and 2 on CIFAR-10: section 2 and 3 of the paper.

recipes.py       the paper's training as recipes              options.py       what the three commands ask alike
table1.py        accuracies, with and without regularizers
figure1.py       trains what the panels show  ->  figure1_result.py   its rows (convergence.py)  ->  figure1_drawing.py
figure2.py       the same of early stopping   ->  figure2_result.py                              ->  figure2_drawing.py
"""
