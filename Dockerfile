# The service in an image; docs/image.md says how to build, run and check it.
# The base brings Python with venv and the authorities' certificates. For a release, name it by its digest:
#   --build-arg BASE=docker.io/library/python:3.11-slim-bookworm@sha256:...
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /build
COPY constraints.txt pyproject.toml ./
# Authorities to trust while packages are fetched, where a proxy signs for them: --secret id=ca,src=FILE
RUN --mount=type=secret,id=ca \
  if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca SSL_CERT_FILE=/run/secrets/ca; fi \
  && python3 -m venv tools \
  && tools/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --constraint constraints.txt hatchling uv \
  && python3 -m venv --without-pip /opt/streamer \
  && tools/bin/uv pip install --no-cache --python /opt/streamer/bin/python --constraints constraints.txt \
    --requirements pyproject.toml
COPY LICENSE ./
COPY schemas schemas
COPY streamer streamer
# Compiled by contents: the root is read-only, so nothing is compiled later, and equal builds have equal bytes.
RUN tools/bin/pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir wheels . \
  && tools/bin/pip --python /opt/streamer/bin/python install --quiet --no-index --no-deps --no-compile \
    --find-links wheels agent-status-streamer \
  && /opt/streamer/bin/python -m compileall -f -q --invalidation-mode unchecked-hash /opt/streamer/lib

FROM ${BASE}
ARG VERSION=
ARG REVISION=
ARG BASE
LABEL org.opencontainers.image.title="agent-status-streamer" \
  org.opencontainers.image.description="Polls contact-centre vendors for agent status and publishes every change to Kafka" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.base.name="${BASE}"
COPY --from=build /opt/streamer /opt/streamer
ENV PATH=/opt/streamer/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1
# By number, so that Kubernetes can tell that it is not root. The chart asks for the same.
USER 10001:10001
EXPOSE 9464
# For Docker; Kubernetes has its own probes.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
  CMD ["python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 9464, timeout=4); c.request('GET', '/livez'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["streamer"]
CMD ["run", "--config", "/etc/streamer/config/streamer.yaml"]
