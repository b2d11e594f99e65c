"""What happens to a token between its issue and its end."""
