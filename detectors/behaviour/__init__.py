"""What is usual for a subject and for a source."""
