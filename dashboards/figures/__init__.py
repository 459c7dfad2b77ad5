"""Figures: pure functions from frozen views to a drawing, its sentence for those who can't see it, and its numbers."""
