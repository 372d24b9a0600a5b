"""What is made of a finished video to show or to share: a still picture, a GIF, its frames, a comparison."""
