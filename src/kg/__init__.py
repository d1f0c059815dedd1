"""Publish a knowledge graph that lives in git: Turtle files in, a checked and built linked-data site out."""

__version__ = "0.1.0"
