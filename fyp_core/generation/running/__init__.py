"""While videos are made, and when they are: previews, estimates of time, reports, and the service that programs use."""
