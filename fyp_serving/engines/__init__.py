"""Engines whose model is not in the page's process: replicas on Ray Serve, and ZeroGPU; and the choice of one."""
