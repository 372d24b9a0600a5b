"""Many visitors, many machines: replicas of the model on Ray Serve, and an engine that sends them its jobs."""
