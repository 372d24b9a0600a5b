"""Live video: a character that follows a stream of camera frames, in real time and constant memory."""
