"""Fitting a run and measuring what it is worth."""
