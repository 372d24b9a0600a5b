"""The handlers of the page's events, and the HTML that they return."""
