"""People moving through a video: followed, cleaned, edited."""
