"""k-fold scoring: one architecture, traced once, trained on every fold."""
