"""Group sequential designs: spending functions, boundaries, planned looks, inference after stopping."""
