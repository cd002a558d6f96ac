"""The pools of a Celery worker that this system has."""

import sys

POOLS = ("threads", "solo") if sys.platform == "win32" else ("prefork", "threads", "solo")
