"""How data come from disk: what a declared data set reads becomes raw data, or is refused in a sentence.

data_sets.py     the data sets of this project          class_folders.py   images in class folders
read_splits.py   what a user's own function gives, checked
raw_data.py      either of them, read once and kept decoded
"""
