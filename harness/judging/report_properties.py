"""How verdicts and findings travel from a test to the process that reports: properties of test reports, by these names.

Imports nothing: the suites import it before anything else is."""

VERDICT = "shatterproof_verdict"
FINDING = "shatterproof_finding"
