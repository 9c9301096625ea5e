"""Scripts that made the data sets in the package."""
