"""What an object looks like can be asked without Node; only turning it into constructs starts one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["manifests", "scheduling", "pod_security", "yaml_text"])
def test_plain_modules_start_no_node(module: str) -> None:
    code = f"import sys, ai_on_eks.kube.{module}; sys.exit('jsii' in sys.modules or 'cdk8s' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False
    )

    assert done.returncode == 0
