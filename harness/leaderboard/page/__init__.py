"""The leaderboard as one HTML file: works from a disk, asks nothing of any network, and reads without JavaScript.

contents.py    records -> the leaderboard's content and the runs that it is folded from, quickly
render.py      both -> the page
columns.py     the table's columns: a question and a unit each; cells.py: what stands in them
lines.py       measures by name, over all zoos, in the order of the leaderboard
about.py       a measure's formula, source, code and claim; links.py: which text becomes a link
charts.py      the figures that are there without JavaScript; swarm.py: where their marks stand
figures.py     numbers for what JavaScript draws: values on twins, profiles; packed.py: in four letters each
data.py        all data of the page, as JSON
templates/     HTML, CSS and JavaScript

Text in records is a stranger's: it is escaped wherever it stands, only https addresses become links, and the page's
policy lets no script run but its own.
"""
