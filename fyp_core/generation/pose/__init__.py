"""Parts of a guide: which part of the input's picture is shown."""
