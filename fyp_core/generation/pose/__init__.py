"""What a guide is made with: people found before, and the part of the picture that is shown."""
