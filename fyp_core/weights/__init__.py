"""Where a model comes from: sources, assembly from files, tensors, LoRAs, embeddings, conversion."""
