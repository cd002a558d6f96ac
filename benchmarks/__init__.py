"""Measurements: run by `nox -s bench`, never by the tests."""
