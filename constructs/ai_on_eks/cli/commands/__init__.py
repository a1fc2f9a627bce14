"""One module a command: `configure(parser)` declares its arguments, `run(args)` answers with an exit code."""
