#!/bin/sh
# After the files are gone. The user stays: logs may be his.
set -e
if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
