"""The page as a server: limits, health, metrics, and replicas of the model on Ray Serve."""
