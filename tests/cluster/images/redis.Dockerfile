# The Redis of the tests.
ARG BASE
FROM ${BASE}
RUN apt-get -q update && apt-get -q -y install --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/*
USER 65532:65532
WORKDIR /tmp
