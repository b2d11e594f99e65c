"""What is promised of speed and memory, measured: `make bench`. Ratios within one run, medians, CPU and wall."""

from app import kernel_cache

kernel_cache.use()
