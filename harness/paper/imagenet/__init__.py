"""Table 2: Inception V3 on ImageNet, in one process or in several that torchrun starts.

table2.py         the command                            setting.py        what a row trains, and how
image_tree.py     the images on disk                     image_stream.py   batches, the same for any number of workers
train.py          the loop of a row                      processes.py      its processes
state.py          a row so far, kept on disk             result.py         rows beside the paper's
"""
