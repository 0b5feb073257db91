"""What is installed under a name of its own, beside the packages that have ours."""
