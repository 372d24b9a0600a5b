"""A row of a table of the GPU check."""

from typing import Any

Row = dict[str, Any]
"""Column names to values, in the order of the table."""
