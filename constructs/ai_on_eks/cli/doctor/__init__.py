"""What `doctor` looks at, one module for each thing that can be ill: the machine, the project, the account."""
