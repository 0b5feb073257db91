"""Care of a store: every entry verified, what nothing needs removed, models taken to another store in one file."""
