"""Models on a server: the hub's repositories and single weight files over https.

    address      hf://org/name[@revision][/file], https://host/path/file
    settings     the hub's endpoint and token, from where the hub's own client takes them
    transport    whole files and byte ranges, bounded together; every failure as a problem with a stable code
    ranges       a file as a source that the readers can be given: headers are read, tensor data stays where it is
    hub, web     which files there are, and how each is asked for
    paths        a file or folder as the readers know it

Loaded only when a source on a server is named.
"""
