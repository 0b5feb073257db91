"""What a pull request proposes: changed.py finds the measures that it adds or alters, judged.py puts them to the suites
and says what stands in the way, report.py and figures.py show it, command.py is `python -m harness propose`."""
