"""What a user sees of a generation: facts of the model, previews, estimates of time and memory, the report, the comparison."""
