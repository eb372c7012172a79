"""Where candidates are trained. One worker keeps all folds of a candidate."""
