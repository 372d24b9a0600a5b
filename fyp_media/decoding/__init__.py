"""Decoding of videos: in this process, or in one of its own with limits."""
