"""Queue Processing API: the HTTP service, the Celery app and its task."""
