#!/bin/sh
# After the files of a package are there, the first time and with each newer one. Nothing is started: the configuration is not yet the
# machine's own. A running proxy goes on as it is until it is told to upgrade.
set -e
root=${DPKG_ROOT:-} # where dpkg --root and its like put the files

if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers ${root:+"--root=$root"} cashew.conf
elif ! grep -q '^cashew:' "$root/etc/passwd"; then
	useradd ${root:+"--root=$root"} --system --user-group --no-create-home --home-dir / --shell /usr/sbin/nologin cashew
fi
# Passwords may stand in it: root owns it, and the service reads it.
group=$(sed -n 's/^cashew:[^:]*:\([0-9]*\):.*/\1/p' "$root/etc/group")
if [ -n "$group" ] && [ -e "$root/etc/cashew/cashew.yml" ]; then # it may have another name by now
	chgrp "$group" "$root/etc/cashew/cashew.yml"
fi

if [ -z "$root" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	if systemctl --quiet is-active cashew; then
		echo 'cashew runs on as it was; "cashew upgrade -p /run/cashew/cashew.pid" replaces it and keeps its clients.'
	fi
fi
