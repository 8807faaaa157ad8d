"""Primitives inside one process: small state machines over a monitor, which is either real threads or a baton.

``_monitor`` waits, ``_baton`` schedules (serial only), ``_activity`` stops, ``_place`` says whose ``close()`` it was,
``_holders`` who died with a lock, ``_life`` what a thread does that plays a process, ``_family`` whose child it is.
"""

from anypool._sync.inproc._activity import Activity, Terminated
from anypool._sync.inproc._baton import SerialMonitor
from anypool._sync.inproc._context import InprocContext
from anypool._sync.inproc._monitor import Monitor, ThreadMonitor
from anypool._sync.inproc._parcel import bring
from anypool._sync.inproc._place import HANDLES, MAIN, Handle, Place, entered

__all__ = [
    "HANDLES",
    "MAIN",
    "Activity",
    "Handle",
    "InprocContext",
    "Monitor",
    "Place",
    "SerialMonitor",
    "Terminated",
    "ThreadMonitor",
    "bring",
    "entered",
]
