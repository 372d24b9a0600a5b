"""What the page shows: a function a panel, and how they are connected."""
