"""While a video is being made, and when it is: previews, estimates of time, the report, the comparison."""
