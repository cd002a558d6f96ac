"""Celery on Azure: a kombu transport for Service Bus and a result backend on Blob Storage."""
