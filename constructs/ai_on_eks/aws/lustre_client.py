"""What makes a node of Amazon Linux 2023 read from FSx for Lustre by its adapters instead of TCP.

    once, by user data     the tools of Lustre's network, which the EKS image lacks; its kernel has the modules
    before each kubelet    modules, one TCP network for finding each other, one EFA network of the type's adapters,
                           and the rule that prefers it

The kubelet waits for the second: where a module is too old, an adapter is missing or the package could not be had, the
node does not join, and nothing reads slowly without a word. It runs at every start of the kubelet, because LNet forgets
its networks when the node restarts, and does nothing where they stand. The CSI driver mounts over whatever networks the
node has: `dnsname@tcp` only says how the first server is found.

Commands and their order: FSx for Lustre user guide, configure-efa-clients; EKS user guide, fsx-csi-tuning-efa
(2026-11). The package: FSx for Lustre user guide, install-lustre-client; a pull request that would have put it into the
EKS image was declined in favour of user data (amazon-eks-ami pull request 2696, 2026-05). Drop-ins of the kubelet are
systemd's own; the unit starts after user data has run (amazon-eks-ami, nodeadm-run.service).

Nothing here was run on a node. Startup budgets go on counting what TCP gives, so none is too short because of it.
"""

from __future__ import annotations

from ai_on_eks.catalog.lustre_efa import least_module_versions, lustre_adapters, peer_credits
from ai_on_eks.catalog.types import InstanceType

PROGRAM = "/usr/local/sbin/lustre-over-efa"
DROP_IN = "/etc/systemd/system/kubelet.service.d/20-lustre-over-efa.conf"

WAIT_SECONDS = 300
"""That systemd gives the kubelet's start, this included; its own default is 90. Assumption: modules load in seconds."""


def lustre_client_script(instance_type: InstanceType) -> str:
    """The part of the user data. Only for types that `lustre_adapters` counts any of."""
    return "\n".join(
        (
            "#!/bin/bash",
            "set -e",
            f"cat > {PROGRAM} << 'END'",
            *_program(instance_type),
            "END",
            f"chmod 755 {PROGRAM}",
            f"mkdir -p {DROP_IN.rpartition('/')[0]}",
            f"cat > {DROP_IN} << 'END'",
            "[Service]",
            f"ExecStartPre={PROGRAM}",
            f"TimeoutStartSec={WAIT_SECONDS}",
            "END",
            "systemctl daemon-reload",
            # Last: where it fails, the kubelet waits for what is missing, and says so in its journal.
            "dnf install -y lustre-client",
        )
    )


def _program(instance_type: InstanceType) -> tuple[str, ...]:
    """Bash. Adapters are taken evenly from all of them, in order of their names, so that they lie on several buses."""
    wanted, messages = lustre_adapters(instance_type), peer_credits()
    versions = least_module_versions(instance_type).items()
    return (
        "#!/bin/bash",
        "set -e",
        f"wanted={wanted}",
        'up() { lnetctl net show --net efa 2> /dev/null | grep -c "nid: .*@efa" || true; }',
        '[ "$(up)" -eq "$wanted" ] && exit 0',
        *(f'printf "%s\\n" {least} "$(modinfo -F version {module})" | sort -C -V' for module, least in versions),
        "own=$(ip -4 route show default | awk '{print $5; exit}')",
        "adapters=()",
        "for one in /sys/class/infiniband/*; do",
        '  [ "$(basename "$(realpath "$one/device/driver")")" = efa ] && adapters+=("$(basename "$one")")',
        "done",
        '[ "${#adapters[@]}" -ge "$wanted" ]',
        # What an earlier try left would be in the way: a network is added once, and options count when modules load.
        "lustre_rmmod 2> /dev/null || true",
        "modprobe lnet",
        'modprobe kefalnd ipif_name="$own"',
        "modprobe ksocklnd",
        "lnetctl lnet configure",
        "lnetctl net del --net tcp 2> /dev/null || true",
        'lnetctl net add --net tcp --if "$own"',
        "for ((i = 0; i < wanted; i++)); do",
        f'  lnetctl net add --net efa --if "${{adapters[i * ${{#adapters[@]}} / wanted]}}" --peer-credits {messages}',
        "done",
        "lnetctl set discovery 1",
        "lnetctl udsp add --src efa --priority 0",
        "modprobe lustre",
        '[ "$(up)" -eq "$wanted" ]',
    )
