"""What a user sees of a generation: facts of the model, previews, time estimates, the report, the comparison."""
