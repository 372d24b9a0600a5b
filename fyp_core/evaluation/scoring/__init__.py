"""Measures of a video: joints, characters, scenes, CLIP score, flicker; and the judges that take them."""
