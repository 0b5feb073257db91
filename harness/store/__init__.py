"""Trained networks on disk, found by the digest (key) of their recipe. Start with store.py.

stored_model.py    the two files of a stored model, written and read: nothing in them is trusted unverified
store.py           find, load, publish, set aside, lock; another store may lie below, and is only read
secret_folder.py   the name under which a cache folder has them, which nobody can guess
published.py       what a training returns instead of the model
retrained.py       networks that measures had retrained, kept for the next measure that asks
listing.py         every model in a store, verified         garbage.py     what nothing needs any more
export.py          models to one archive (manifest.py)
importing.py       an archive, which may be anybody's, to models; by its path or its https address
"""
