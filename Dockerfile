# One image for the API, the worker and the migrations; what it runs is chosen by the command.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1

RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin breadth

WORKDIR /app

# The locked dependencies change seldom and the code often, so they are a layer of their own.
COPY requirements.lock ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check \
        --no-deps --require-hashes -r requirements.lock

COPY pyproject.toml ./
COPY models/ models/
COPY migrations/ migrations/
COPY worker/ worker/
COPY api/ api/
COPY openapi/ openapi/
COPY cli/ cli/
COPY bench/ bench/
# Editable, as `make run` has it: files that are not code stay where the code looks for them.
RUN python -m pip install --no-cache-dir --disable-pip-version-check --no-deps \
        --no-build-isolation --editable . \
    && python -m compileall -q .

USER breadth
EXPOSE 8000

CMD ["python", "-m", "uvicorn", "api.main:create_app", "--factory", \
     "--host", "0.0.0.0", "--port", "8000", "--loop", "uvloop", "--http", "httptools", \
     "--no-access-log", "--no-server-header", "--no-proxy-headers", \
     "--timeout-graceful-shutdown", "10"]
