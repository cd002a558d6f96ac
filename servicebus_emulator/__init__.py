"""A Service Bus emulator in pure Python, for development and tests."""
