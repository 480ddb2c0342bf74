#!/bin/sh
# Before the package goes: dpkg says remove, rpm 0. A newer one that comes in its place stops nothing.
set -e
case ${1:-} in
remove | 0)
	if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
		systemctl --quiet disable --now cashew || true
	fi
	;;
esac
