"""Measures beside what other packages compute of the same trained networks; skipped where a package is not installed.

pip install -e '.[peers]'
"""
