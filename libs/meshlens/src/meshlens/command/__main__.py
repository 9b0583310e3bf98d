"""`python -m meshlens.command`."""

import sys

from meshlens.command.dispatch import main

if __name__ == "__main__":
    sys.exit(main())
