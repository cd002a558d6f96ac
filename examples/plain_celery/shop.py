"""A shop that adds up orders: `celery -A shop worker`."""

import os

from celery import Celery

from celery_azure.connection import parse_blob_account

app = Celery("shop")
app.conf.update(
    # azureservicebus://<key name>:<key>@<namespace>, or an emulator's host:port
    broker_url=os.environ["BROKER_URL"],
    broker_transport="celery_azure.transport:Transport",
    result_backend="celery_azure.results:BlobBackend",
    result_backend_transport_options={
        "account": parse_blob_account(os.environ["AZURE_BLOB_CONNECTION_STRING"]),
        "container": os.environ.get("RESULTS_CONTAINER", "shop"),
    },
    task_default_queue=os.environ.get("QUEUE", "orders"),
    task_acks_late=True,
    worker_enable_remote_control=False,
)


@app.task
def total(prices: list[int]) -> int:
    """The sum of an order's prices, in cents."""
    if any(price < 0 for price in prices):
        raise ValueError("a price is negative")
    return sum(prices)
