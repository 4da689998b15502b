"""Recordings as others write them: EDF, BDF and tables."""
