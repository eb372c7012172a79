"""How good generated images are, judged by images that the GAN has never seen."""
