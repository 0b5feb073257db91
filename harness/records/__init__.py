"""What a run found, for others to read: as JSON, as tables, as a profile.

Read record.py first (from results to a record: environment.py, public_text.py), then schema.py and record_files.py
(valid, sealed, on disk; recorded_outcomes.py reads the models' part back). summary.py is the terminal's text, tables.py
the documents' Markdown. A profile is how far each intervention moves a measure: measure_profile.py, its values from
profile_values.py, drawn by profile_figure.py. estimate.py says from records how long a run will take.
"""
