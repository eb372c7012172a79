"""How much of a pretrained network to keep, and does it help? For small images, grey or colour.

    automl-sem search my_drawings/ --weights model.keras
    automl-sem search my_drawings/ --weights runs/20261124-0525-shapes
    automl-sem search pretrained

A network that was trained on many images has learned edges, corners and textures. Its layers
up to the head, the backbone, are kept; a new head is trained on your images. The backbone may
stay as it is (frozen), or its last layers learn on at a small rate (fine-tuned). Trial 0 is the
same network without what it has learned (scratch), so that you see what pretraining gained.

Without --weights the backbone comes from Keras Applications, trained on ImageNet's photographs.
"""

from keras import Input, Model

from automl_sem import Recipe, pretrained
from automl_sem.search_spaces.blocks import answer

KIND = "images"
DATA = "shapes"
BACKBONES = ["MobileNetV3Small", "EfficientNetB0"]

BASELINE = {
    "start": "scratch", "head": "flatten", "dense": 0, "dropout": 0.0,
    "learning_rate": 1e-3, "schedule": "cosine", "augment": False,
}  # fmt: skip

GOOD_STARTS = [
    {"start": "frozen", "head": "flatten", "dense": 0, "learning_rate": 3e-3},
    {
        "start": "fine-tuned", "backbone_rate": 0.3,
        "head": "flatten", "dense": 0, "learning_rate": 3e-3,
    },
]  # fmt: skip


def build(hp, data):
    """Return a backbone with a new head."""
    start = hp.Choice("start", ["frozen", "fine-tuned", "scratch"])
    source, side = data.weights, None
    if source is None:
        source = hp.Choice("backbone", pretrained.fetch(BACKBONES))
        # ImageNet's photographs are large: what is drawn in 24 pixels looks small to it.
        side = hp.Choice("side", [32, 64, 96], default=64)
    backbone = pretrained.backbone(source, data.input_shape, side=side, fresh=start == "scratch")
    with hp.conditional_scope("start", ["fine-tuned"]):
        deepest = pretrained.depth(backbone)
        unfreeze = hp.Int("unfreeze", 1, deepest, default=min(2, deepest))
    if start == "fine-tuned":
        pretrained.unfreeze(backbone, unfreeze)

    inputs = Input(data.input_shape)
    x = backbone(inputs)
    head = hp.Choice("head", ["flatten", "global"])
    dense = hp.Choice("dense", [0, 32, 64, 128])
    dropout = hp.Float("dropout", 0.0, 0.5, step=0.1)
    return Model(inputs, answer(x, head, dense, dropout, data))


def recipe(hp, data):
    """Return how to train it; the backbone may learn more slowly than the new head."""
    with hp.conditional_scope("start", ["fine-tuned"]):
        backbone_rate = hp.Choice("backbone_rate", [0.01, 0.03, 0.1, 0.3, 1.0], default=0.1)
    small = data.n_train < 500  # few examples need small batches and many passes
    batch_sizes = [8, 16, 32] if small else [32, 64, 128]
    epochs = [5, 10, 20, 40] if small else [2, 5, 10, 15]
    return Recipe(
        optimizer="adam",
        learning_rate=hp.Float("learning_rate", 3e-4, 1e-2, sampling="log"),
        backbone_rate=backbone_rate or 1.0,  # None where nothing of it is fine-tuned
        schedule=hp.Choice("schedule", ["cosine", "constant"]),
        batch_size=hp.Choice("batch_size", batch_sizes, default=batch_sizes[0]),
        epochs=hp.Choice("epochs", epochs, default=epochs[2]),
        augment=hp.Boolean("augment"),
    )
