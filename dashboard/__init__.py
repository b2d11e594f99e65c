"""The live dashboard on an existing store."""
