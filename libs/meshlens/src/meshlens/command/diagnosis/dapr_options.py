"""The options that Dapr knows where it ignores others: of run files, and of annotations."""

# Of Dapr's CLI 1.16, with those of a document.
RUN_FILE = frozenset(
    """
    apiListenAddresses apiVersion appChannelAddress appDirPath appHealthCheckPath
    appHealthProbeInterval appHealthProbeTimeout appHealthThreshold appID appLogDestination
    appMaxConcurrency appPort appProtocol appSSL apps command common configFilePath
    containerImage containerImagePullPolicy createService daprGRPCPort daprHTTPMaxRequestSize
    daprHTTPPort daprHTTPReadBufferSize daprInternalGRPCPort daprdLogDestination
    enableApiLogging enableAppHealthCheck enableProfiling env kind logLevel maxBodySize metadata
    metricsPort placementHostAddress profilePort readBufferSize resourcesPath resourcesPaths
    runtimePath schedulerHostAddress unixDomainSocket version
    """.split()  # noqa: SIM905 - one name a line would be a hundred lines
)
# Of Dapr 1.18, without dapr.io/.
ANNOTATIONS = frozenset(
    """
    actors-disseminate-timeout api-token-secret app-binding-options-timeout app-channel-address
    app-health-check-path app-health-probe-interval app-health-probe-timeout
    app-health-threshold app-id app-max-concurrency app-port app-protocol app-ssl
    app-token-secret block-shutdown-duration component-container config debug-port
    disable-builtin-k8s-secret-store disable-init-endpoints enable-api-logging
    enable-app-health-check enable-debug enable-metrics enable-native-sidecar enable-profiling
    enabled env env-from-secret graceful-shutdown-seconds grpc-port http-max-request-size
    http-port http-read-buffer-size inject-pluggable-components internal-grpc-port log-as-json
    log-level max-body-size metrics-port placement-host-address pluggable-components
    pluggable-components-sockets-folder read-buffer-size scheduler-host-address
    sentry-request-jwt-audiences sidecar-cpu-limit sidecar-cpu-request sidecar-image
    sidecar-listen-addresses sidecar-liveness-probe-delay-seconds
    sidecar-liveness-probe-period-seconds sidecar-liveness-probe-threshold
    sidecar-liveness-probe-timeout-seconds sidecar-memory-limit sidecar-memory-request
    sidecar-readiness-probe-delay-seconds sidecar-readiness-probe-period-seconds
    sidecar-readiness-probe-threshold sidecar-readiness-probe-timeout-seconds
    sidecar-seccomp-profile-type sidecar-svc-annotations unix-domain-socket-path volume-mounts
    volume-mounts-rw
    """.split()  # noqa: SIM905 - one name a line would be a hundred lines
)
