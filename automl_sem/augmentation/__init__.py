"""Random changes of training images: one Keras layer a file, put together in `pipeline`."""
