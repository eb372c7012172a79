"""Search spaces: find, load and build them."""
