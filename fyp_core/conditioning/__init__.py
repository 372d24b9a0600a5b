"""What the network is told besides the latents: text, skeletons, and both put together for each of its passes."""
