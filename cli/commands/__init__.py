"""One module per group of commands; `cas.cli.app` knows which holds which and imports only that one."""
