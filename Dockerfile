# syntax=docker/dockerfile:1
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
WORKDIR /src
COPY constraints.txt ./
RUN python -m venv /opt/tokentrail
COPY . .
RUN /opt/tokentrail/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt .

FROM python:${PYTHON}-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/tokentrail --create-home --shell /usr/sbin/nologin tokentrail
COPY --from=build /opt/tokentrail /opt/tokentrail
# Kernels are compiled for the CPU that runs them; on the volume they outlive the container.
ENV PATH=/opt/tokentrail/bin:$PATH \
    NUMBA_CACHE_DIR=/var/lib/tokentrail/kernels \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/tokentrail
VOLUME /var/lib/tokentrail
ENTRYPOINT ["tokentrail"]
CMD ["--help"]
