"""The built-in search spaces: one file each, made to be copied and changed."""
