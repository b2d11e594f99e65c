"""Detection quality: alerts against labels."""
