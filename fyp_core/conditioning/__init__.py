"""Inputs of the network besides the latents: text, skeletons, and their combination for each of its passes."""
