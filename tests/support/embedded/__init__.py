"""Scripts that made the data sets within the package."""
