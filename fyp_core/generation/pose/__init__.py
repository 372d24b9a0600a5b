"""Parts of a guide: people found in earlier requests, and the part of the picture that is shown."""
