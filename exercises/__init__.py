"""Exercises: instructor sources, the student versions made from them, and the hidden tests.

``python -m exercises release gradient-descent`` writes a student notebook. README.md says the rest.
"""
