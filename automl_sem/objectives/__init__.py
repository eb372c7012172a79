"""Metrics by the names that people know: what is computed of predictions, and which way is better.

A name is looked for among the short ones of `short.py`, then in scikit-learn, then in Keras; a
function of one's own stands beside them.
"""
