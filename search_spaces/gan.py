"""How large a generator and a discriminator does it take to draw what your images show?

    automl-sem search gan                   # circles, rectangles and triangles
    automl-sem search gan --data digits
    automl-sem search gan --data photos/    # a folder of square images, 8 to 64 pixels

A generator learns to draw from noise; a discriminator learns to tell its images from real ones,
and is locked while the generator learns. One much stronger than the other teaches it nothing:
their sizes, and the ratio of the two, are what this is about. Copy this file, change it, and run

    automl-sem search my_space.py
"""

from automl_sem import DiffAugment, Gan, GanRecipe
from automl_sem.search_spaces.adversarial import discriminator, generator

KIND = "images"
DATA = "shapes"
SIZE = 600  # drawings of these to learn from: 45, enough for a classifier, say too little

# Trial 0: DCGAN as in its paper (Radford et al. 2015, arXiv 1511.06434).
BASELINE = {
    "latent_dim": 64, "width": 32, "g_depth": 0, "ratio": 1.0, "d_depth": 0,
    "up_sampling": "transposed", "g_normalization": "batch", "conditional": False,
    "loss": "non-saturating", "d_normalization": "batch", "label_smoothing": 0.0,
    "learning_rate": 2e-4, "discriminator_rate": 1.0, "d_steps": 1, "batch_size": 64,
    "regularize": False, "ema": 0.0, "diff_augment": False,
}  # fmt: skip

# What papers since then agree on for little data.
STEADY = {
    "g_normalization": "batch", "loss": "non-saturating", "d_normalization": "none",
    "label_smoothing": 0.0, "learning_rate": 1e-3, "discriminator_rate": 1.0, "d_steps": 1,
    "batch_size": 64, "regularize": True, "r1": 1.0, "ema": 0.995, "diff_augment": True,
}  # fmt: skip
GOOD_STARTS = [
    {
        **STEADY, "latent_dim": 32, "width": 32, "g_depth": 0, "ratio": 1.0, "d_depth": 0,
        "up_sampling": "resize", "conditional": True,
    },
    {
        **STEADY, "latent_dim": 64, "width": 48, "ratio": 1.0, "up_sampling": "resize",
        "conditional": True, "batch_size": 32,
    },
]  # fmt: skip


def build(hp, data):
    """Return the two networks."""
    latent_dim = hp.Choice("latent_dim", [16, 32, 64, 128])
    # Channels where a generator begins, with 4x4 pixels; half as many each time it enlarges.
    width = hp.Choice("width", [16, 32, 48] if data.input_shape[0] <= 32 else [32, 48, 96])
    # What is both wide and deep would take longer than all others together.
    with hp.conditional_scope("width", [16, 32]):
        g_depth = hp.Int("g_depth", 0, 1) or 0
        d_depth = hp.Int("d_depth", 0, 1) or 0
    ratio = hp.Choice("ratio", [0.5, 1.0, 2.0])  # of the generator's to half the discriminator's
    conditional = hp.Boolean("conditional", default=True) and data.classes > 1
    drawing = generator(
        data,
        latent_dim,
        width,
        depth=g_depth,
        up_sampling=hp.Choice("up_sampling", ["resize", "transposed"]),
        normalization=hp.Choice("g_normalization", ["batch", "none"]),
        conditional=conditional,
    )
    telling = discriminator(
        data,
        width=round(2 * width / ratio),  # with ratio 1 it has about as many weights
        depth=d_depth,
        normalization=_normalization(hp),
        conditional=conditional,
    )
    return Gan(drawing, telling, latent_dim)


def recipe(hp, data):  # noqa: ARG001
    """Return how the two are trained: losses, penalties, speed, averaging, augmentation."""
    loss = _loss(hp)
    with hp.conditional_scope("loss", ["non-saturating"]):
        smoothing = hp.Choice("label_smoothing", [0.0, 0.1])
    with hp.conditional_scope("loss", ["non-saturating", "hinge"]):
        regularize = hp.Boolean("regularize", default=True)
        with hp.conditional_scope("regularize", [True]):
            r1 = hp.Float("r1", 0.01, 10.0, sampling="log")
    augment = DiffAugment()
    if hp.Boolean("diff_augment", default=True):
        augment = DiffAugment(translation=0.125, cutout=0.25, brightness=0.1, contrast=0.2)
    return GanRecipe(
        loss=loss,
        learning_rate=hp.Float("learning_rate", 1e-4, 3e-3, sampling="log"),
        discriminator_rate=hp.Choice("discriminator_rate", [0.5, 1.0, 2.0]),
        batch_size=hp.Choice("batch_size", [32, 64]),
        steps=1000,
        d_steps=hp.Int("d_steps", 1, 2),
        r1=r1 if regularize and r1 else 0.0,
        label_smoothing=smoothing or 0.0,
        ema=hp.Choice("ema", [0.0, 0.99, 0.995]),
        augment=augment,
    )


def _loss(hp):
    return hp.Choice("loss", ["non-saturating", "hinge", "wgan-gp"])


def _normalization(hp):
    """Batch normalisation mixes what the gradient penalty takes image by image."""
    loss = _loss(hp)
    with hp.conditional_scope("loss", ["wgan-gp"]):
        critic = hp.Choice("critic_normalization", ["none", "layer"])
    with hp.conditional_scope("loss", ["non-saturating", "hinge"]):
        other = hp.Choice("d_normalization", ["none", "spectral", "batch"])
    return critic if loss == "wgan-gp" else other
