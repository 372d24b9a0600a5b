"""A stream of camera frames in, a stream of frames of the character out, in real time and constant memory."""
