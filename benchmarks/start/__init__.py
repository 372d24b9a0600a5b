"""What a user waits for at the start."""
