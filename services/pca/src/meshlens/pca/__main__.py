"""Serves in the mesh if APP_PORT is set, as Dapr and the manifests do; else reads points.

With arguments it is the command, whatever APP_PORT says.

APP_PORT=50051 python -m meshlens.pca
python -m meshlens.pca < points.csv > plot.svg
"""

import os
import sys

from meshlens.faults.extras import importing_server


def main() -> int:
    """Serve, or be the command."""
    if "APP_PORT" not in os.environ or sys.argv[1:]:
        from meshlens.pca import cli  # noqa: PLC0415 - the service does without

        return cli.main()
    with importing_server("meshlens-pca[serve]"):
        from meshlens.pca.server import serve  # noqa: PLC0415 - what it imports is an extra
    return serve()


if __name__ == "__main__":
    sys.exit(main())
