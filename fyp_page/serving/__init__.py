"""Many visitors: limits, which requests are served, health and metrics, visitors' files."""
