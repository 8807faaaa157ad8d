"""Whole programs for ``FaultContract``: run as scripts, with ``python -c`` and ``python -``; never imported.

Each takes the backend's name, further settings of the executor as JSON, and what the test adds. None has an
``if __name__ == "__main__"``: that is the point.
"""
