"""Serves in the mesh if APP_PORT is set, as Dapr and the manifests do; else reads a picture.

With arguments it is the command, whatever APP_PORT says.

APP_PORT=50051 python -m meshlens.classify
python -m meshlens.classify < picture.jpg
"""

import os
import sys
import warnings

from meshlens.faults.extras import importing_server


def main() -> int:
    """Serve, or be the command."""
    # Pillow's, about sizes that are allowed: a JPEG is decoded at a scale within MAX_PIXELS.
    warnings.filterwarnings("ignore", "Image size .* exceeds limit")
    if "APP_PORT" not in os.environ or sys.argv[1:]:
        from meshlens.classify import cli  # noqa: PLC0415 - megabytes for its progress bar, which no service needs

        return cli.main()
    with importing_server("meshlens-classify[serve]"):
        from meshlens.classify.server import serve  # noqa: PLC0415 - what it imports is an extra
    return serve()


if __name__ == "__main__":
    sys.exit(main())
