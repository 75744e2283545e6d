"""Grades a class: collects attempts, runs them behind a wall, keeps and tells every point."""
