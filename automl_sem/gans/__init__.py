"""Generative adversarial networks: a generator draws, a discriminator tells its images apart."""
