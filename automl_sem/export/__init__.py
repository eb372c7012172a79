"""Retrain a trial and export it, verified, in formats that need nothing of this package."""

from automl_sem.export.build import export_trial
from automl_sem.export.predict import Prediction, predict
from automl_sem.export.record import ExportResult

__all__ = ["ExportResult", "Prediction", "export_trial", "predict"]
