"""The engine-free core: the facade and all that backends share. Nothing here knows how a task is run."""
