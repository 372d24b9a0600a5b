"""Training: the autoencoder and image model of a small base, then the paper's two stages."""
