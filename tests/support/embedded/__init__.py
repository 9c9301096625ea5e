"""Scripts that made the data sets of the package."""
