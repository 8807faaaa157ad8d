"""The primitives, by family: ``inproc`` inside one process, ``local`` between the processes of one machine."""
