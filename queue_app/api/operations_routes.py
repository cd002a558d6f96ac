"""What operators ask: metrics, and how full the queue is."""

from dataclasses import asdict

from fastapi import APIRouter
from fastapi.responses import Response

from queue_app.api import openapi, problems, schemas
from queue_app.api.dependencies import ContextDep, ServicesDep
from queue_app.api.metrics import CONTENT_TYPE
from queue_app.api.responses import FaithfulJSONResponse

router = APIRouter(tags=["operations"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: openapi.METRICS_RESPONSE,
        **openapi.problem_responses("/metrics", problems.INTERNAL_ERROR),
    },
)
async def show_metrics(context: ContextDep) -> Response:
    """Give everything that this process measures, in Prometheus' text format."""
    counts = await context.services.queue.counts()
    return Response(context.metrics.render(counts), media_type=CONTENT_TYPE)


@router.get(
    "/queue",
    response_model=schemas.Queue,
    responses={
        200: openapi.QUEUE_RESPONSE,
        **openapi.problem_responses("/queue", problems.INTERNAL_ERROR),
    },
)
async def count_messages(services: ServicesDep) -> Response:
    """Count the messages of the queue; null where the right to ask is missing."""
    counts = await services.queue.counts()
    if counts is None:
        return FaithfulJSONResponse({"active": None, "scheduled": None, "dead_letter": None})
    return FaithfulJSONResponse(asdict(counts))
