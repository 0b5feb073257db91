"""A recipe in, a trained network out. Read recipe.py and then train.py, whose `fit` is the loop.

recipe.py        all that determines a trained network
declaring.py     networks and data sets are declared functions, this project's or a user's own
reading/         what a data set reads, checked  ->  examples.py   a recipe's data set (data_set.py, randomize.py)
batches.py       what `fit` trains on, an epoch at a time (augmentation.py)
networks/        what it trains                             precision.py   in which precision
stopping.py      when to stop: at one loss exactly          log.py     the history, as it is noted
state.py         all that changes while a network trains, for checkpoint.py to keep
group_training.py   many seeds of one recipe together, as rows of one stack of tensors (network_stack.py)
"""
