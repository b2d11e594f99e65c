"""The commands of the CLI, one file each. Heavy imports wait until a command runs, so that help answers at once."""
