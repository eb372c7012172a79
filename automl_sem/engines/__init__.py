"""Engines propose candidates (ask) and learn from their scores (tell)."""
