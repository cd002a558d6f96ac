"""The HTTP API: FastAPI lives here and in main.py only."""
