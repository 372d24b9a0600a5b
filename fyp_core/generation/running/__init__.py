"""What a user sees of a generation: model facts, previews, estimates of time and memory, the report, the comparison."""
