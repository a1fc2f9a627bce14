"""Where the libraries of engines on GPUs write, told by variables: the root file system is read-only."""

from __future__ import annotations

from collections.abc import Mapping


def library_folders(cache_directory: str) -> Mapping[str, str]:
    """Every folder on the cache volume. `USER` because torch asks for the user's name, and an account that the image
    does not know has none."""
    return {
        "CUDA_CACHE_PATH": f"{cache_directory}/cuda",
        "FLASHINFER_WORKSPACE_BASE": cache_directory,
        "HF_HOME": f"{cache_directory}/huggingface",
        "HOME": cache_directory,
        "TORCHINDUCTOR_CACHE_DIR": f"{cache_directory}/torchinductor",
        "TRITON_CACHE_DIR": f"{cache_directory}/triton",
        "USER": "engine",
        "XDG_CACHE_HOME": f"{cache_directory}/xdg",
        "XDG_CONFIG_HOME": f"{cache_directory}/config",
    }
