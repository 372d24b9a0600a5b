"""While a video is being made, and when it is: facts of the model, previews, estimates, the report, the comparison."""
