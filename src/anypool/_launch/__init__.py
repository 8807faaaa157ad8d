"""Starts a fresh interpreter as a child process: never a fork of a threaded parent, never a re-import of ``__main__``.

``_launcher`` is the parent's side and ``_child`` the other one; the child imports this package, so it stays empty.
"""
