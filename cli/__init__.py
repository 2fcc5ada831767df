"""The command line: argv, terminal, environment and exit codes, and nothing that the library needs."""
