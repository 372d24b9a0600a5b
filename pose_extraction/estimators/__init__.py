"""Pose estimators, one a file, and the factory that chooses among them."""
