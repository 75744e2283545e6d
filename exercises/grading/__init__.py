"""Grades a class: collects attempts, runs them behind a wall, loses no point, tells why."""
