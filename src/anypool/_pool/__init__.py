"""Our pool of worker processes: one private channel a worker, so that one death fails one task (E6).

::

    submit() --encoded batch--> _engine --frames, one socket pair a worker--> _worker (child process)
                                   │ asks _scheduler, free of I/O, who gets what
       futures <--settle-- I/O thread <--outcomes, deaths, stderr, deadlines--┘

``_worker`` and what it imports run in the children, so this package imports nothing.
"""
