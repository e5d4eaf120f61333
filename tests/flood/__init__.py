"""Floods from invented sources: who still gets in, and what they cost."""
