"""The command line, a file for each command; the options are derived from the settings."""
