# One file for the images of the compose deployment:
#
#   docker build --target service --build-arg SERVICE=registration .    (or notifications, reporting)
#   docker build --target gateway .
#   docker build --target mail .            the mail sink of the demo profile
#
# There is no "syntax=" line on purpose: it would make every build ask an image registry.

ARG PYTHON_IMAGE=python:3.13-slim
ARG CADDY_IMAGE=caddy:2


# --- what pip installs; nothing of the builder but /venv reaches an image ------------------------------
FROM ${PYTHON_IMAGE} AS builder
ARG PIP_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements/services.txt /requirements.txt
# Wheels only, so that no image needs a compiler. Why --no-deps: see the Makefile. "ca" is an optional file of authorities for a build behind a
# proxy that re-signs TLS; as a secret it stays out of the layers.
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
    python -m venv --without-pip /venv \
 && pip --python /venv/bin/python install --no-deps --require-hashes --only-binary :all: -r /requirements.txt


FROM ${PYTHON_IMAGE} AS mail-builder
ARG PIP_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements/dev.txt /dev.txt
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
    awk '/^[a-z]/ {wanted = /^(aiosmtpd|atpublic|attrs)==/} wanted' /dev.txt >/requirements.txt \
 && python -m venv --without-pip /venv \
 && pip --python /venv/bin/python install --no-deps --require-hashes --only-binary :all: -r /requirements.txt


# --- one service: common and its own code, nothing of the others ---------------------------------------
FROM ${PYTHON_IMAGE} AS service
# Celery takes a user without a name for root, and warns at every start.
RUN echo "hesheng:x:10001:10001::/tmp:/usr/sbin/nologin" >>/etc/passwd && echo "hesheng:x:10001:" >>/etc/group
ARG SERVICE
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/app HOME=/tmp \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY --from=builder /venv /venv
COPY --chmod=0755 deploy/compose/hesheng /usr/local/bin/hesheng
COPY services/__init__.py services/
COPY services/common services/common
COPY services/${SERVICE} services/${SERVICE}
# Compiled here because the file system is read-only later: every start would compile everything again.
RUN test -n "${SERVICE}" || { echo "give --build-arg SERVICE=registration, notifications or reporting" >&2; exit 1; } \
 && python -m compileall -q --invalidation-mode unchecked-hash services
ENV SERVICE=${SERVICE}
USER 10001:10001
STOPSIGNAL SIGTERM
CMD ["sh", "-c", "exec python -m services.$SERVICE.app"]


FROM ${PYTHON_IMAGE} AS mail
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/app HOME=/tmp \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY --from=mail-builder /venv /venv
COPY deploy/local/__init__.py deploy/local/ports.py deploy/local/sink.py deploy/local/
RUN mkdir /var/lib/mails && chown 10001:10001 /var/lib/mails
USER 10001:10001
STOPSIGNAL SIGTERM


# --- the single origin ----------------------------------------------------------------------------------
FROM ${CADDY_IMAGE} AS gateway
COPY deploy/compose/Caddyfile /etc/caddy/Caddyfile
COPY --chmod=0755 deploy/compose/gateway-health /usr/local/bin/gateway-health
COPY deploy/compose/site /srv/site
# A folder of our own for certificates: the base image's may belong to root.
RUN mkdir -p /var/lib/gateway && chown 10001:10001 /var/lib/gateway
ENV XDG_DATA_HOME=/var/lib/gateway XDG_CONFIG_HOME=/tmp HOME=/tmp
USER 10001:10001
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
