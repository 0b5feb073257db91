"""The bandwidth that an interpolant's norm needs."""
