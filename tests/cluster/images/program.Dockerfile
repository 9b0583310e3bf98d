# One static program of Dapr, as its official images hold it.
FROM scratch
ARG PROGRAM
WORKDIR /
COPY ${PROGRAM} /
USER 65532:65532
