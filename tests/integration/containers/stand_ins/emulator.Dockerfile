# Stands in for the official emulator: our emulator with the official one's ports and start.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY servicebus_emulator /app/servicebus_emulator
COPY emulator.py /app/emulator.py
ENV PYTHONPATH=/app PYTHONUNBUFFERED=1
CMD ["python3", "/app/emulator.py"]
