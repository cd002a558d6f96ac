"""Load tests with Locust: run by `nox -s load`."""
