"""Many visitors, many machines: the page with its limits, health and metrics; replicas of the model on Ray Serve."""
