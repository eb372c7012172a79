"""Retrain a trial and export it, verified, in formats that need nothing of this package."""

from automl_sem.export.build import export_trial, trained_model
from automl_sem.export.gan import export_gan
from automl_sem.export.generate import Drawn, draw, generate
from automl_sem.export.predict import LabelsPrediction, NumbersPrediction, Prediction, predict
from automl_sem.export.record import ExportResult

__all__ = [
    "Drawn",
    "ExportResult",
    "LabelsPrediction",
    "NumbersPrediction",
    "Prediction",
    "draw",
    "export_gan",
    "export_trial",
    "generate",
    "predict",
    "trained_model",
]
