"""Grades a class: collects attempts, runs them behind a wall, keeps every point, tells every student."""
