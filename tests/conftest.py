from tests.property.profiles import load_profiles

pytest_plugins = ["harness.pytest_plugin"]

load_profiles()
