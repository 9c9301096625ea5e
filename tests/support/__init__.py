"""What tests share, and the tools that report on the project."""
