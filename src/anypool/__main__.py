"""``python -m anypool`` is the ``anypool`` command."""

import sys

from anypool._cli import main

if __name__ == "__main__":  # a worker that imports its parent's main module must not run the command again
    sys.exit(main())
