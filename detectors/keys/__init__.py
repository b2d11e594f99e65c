"""What happens to keys, and who uses them."""
