"""Tests of shatterproof itself: a folder for each room, a file for each file that it tests."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""
