# API and worker: one image, two commands. From the root of the project:
#
#   docker build -t queue-processing-api .
#   docker run --rm --env-file .env -p 127.0.0.1:8001:8001 queue-processing-api
#   docker run --rm --env-file .env queue-processing-api \
#     celery -A queue_app.celery_app worker --loglevel=info
#
# docker-compose.yml runs both with emulators; docs/deploying.md tells of Azure.
ARG BASE_IMAGE=docker.io/library/python:3.13-slim

FROM ${BASE_IMAGE} AS packages
COPY requirements-image.txt /
# An index that is not PyPI: --build-arg PIP_INDEX_URL=…
ARG PIP_INDEX_URL
RUN python3 -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps \
      -r /requirements-image.txt

FROM ${BASE_IMAGE}
COPY --from=packages /venv /venv
COPY main.py /app/
COPY celery_azure /app/celery_azure
COPY queue_app /app/queue_app

ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 65534:65534
EXPOSE 8001

# Everything that is under way at SIGTERM is finished; streams are told to come again elsewhere.
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8001", \
     "--timeout-graceful-shutdown", "30"]
