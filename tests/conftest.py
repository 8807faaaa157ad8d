"""All tests: nothing may be left behind (the plugin's leak check runs after each)."""

pytest_plugins = ["anypool.testing.plugin", "pytester"]
