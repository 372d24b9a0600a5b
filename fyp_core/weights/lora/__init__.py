"""LoRA files: their layers and strengths, how they are applied, and those for few steps."""
