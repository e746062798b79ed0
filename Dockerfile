# One image for every service; the argument says which:  docker run IMAGE services.enrollment
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
ENV UV_PROJECT_ENVIRONMENT=/opt/wea UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet --no-cache-dir uv==0.13.9
WORKDIR /src
# What changes rarely first: the libraries are one layer of their own.
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN /opt/uv/bin/uv sync --frozen --no-dev --no-install-project
COPY contracts contracts
COPY eventing eventing
COPY services services
COPY wea wea
COPY programs programs
COPY docs/runbooks docs/runbooks
RUN /opt/uv/bin/uv sync --frozen --no-dev --no-editable

FROM ${PYTHON_IMAGE}
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin wea
COPY --from=build /opt/wea /opt/wea
COPY programs /etc/wea/programs
ENV PATH=/opt/wea/bin:$PATH PYTHONUNBUFFERED=1 WEA_HOST=0.0.0.0 WEA_PROGRAMS=/etc/wea/programs
USER 10001:10001
ENTRYPOINT ["python", "-m"]
CMD ["wea", "--help"]
