# What holds a pod's namespaces open.
FROM scratch
COPY pause /
USER 65532:65532
ENTRYPOINT ["/pause"]
