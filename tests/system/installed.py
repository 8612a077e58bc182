"""mltest as it is installed on a machine, inside a booted one: what is tested here, under /opt/mltest, with its units."""

import shlex
import sys
from pathlib import Path

from tests.worker_unit import ROOT

_INSTALL = r"""
# An interpreter that everybody may use, and this checkout as /opt/mltest: bound from the overlay, so nothing outside changes.
mkdir -p opt/python opt/mltest
mount --bind .{base} opt/python
mount --bind .{root} opt/mltest
venv=opt/mltest/.venv
ln -sf /opt/python/bin/{python} $venv/bin/python3
sed -i 's#^home *=.*#home = /opt/python/bin#' $venv/pyvenv.cfg
sed -i 's#{root}#/opt/mltest#' $venv/lib/*/site-packages/_mltest_fleet.pth
for program in mltest-agent mltest-coordinator; do sed -i '1s#.*#\#!/opt/mltest/.venv/bin/python3#' $venv/bin/$program; done
ln -sf python3 $venv/bin/python
chroot . /opt/mltest/.venv/bin/python3 -m compileall -q /opt/mltest/agent /opt/mltest/coordinator /opt/mltest/shared /opt/mltest/proto

# As systemd/README.md says.
install -D -m 644 {root}/systemd/mltest.sysusers.conf usr/lib/sysusers.d/mltest.conf
chroot . systemd-sysusers mltest.conf
cp {root}/systemd/*.service {root}/systemd/*.socket etc/systemd/system/

# PrivateUsers= needs a user namespace, which a nested systemd may not make (217/USER).
for unit in mltest-agent mltest-worker@ mltest-coordinator; do
  mkdir -p etc/systemd/system/$unit.service.d
  printf '[Service]\nPrivateUsers=no\n' > etc/systemd/system/$unit.service.d/nested.conf
done
"""


def installation() -> str:
    """Return the script that installs, for `booted`."""
    base = Path(sys.base_prefix).resolve()
    fields = {"base": base, "root": ROOT, "python": f"python{sys.version_info[0]}.{sys.version_info[1]}"}
    script = _INSTALL
    for name, value in fields.items():
        script = script.replace("{" + name + "}", shlex.quote(str(value)))
    return script
