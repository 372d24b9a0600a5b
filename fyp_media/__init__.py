"""Frames in and out of files, fitting to a size, contact sheets, and the error that means bad input."""
