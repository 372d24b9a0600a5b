"""How right and how steady the frames of a video are: joints, characters, scenes, CLIP, flicker."""
