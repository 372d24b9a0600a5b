"""The layout of the page: a function for each panel, and the connection of events to handlers."""
