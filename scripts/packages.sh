#!/usr/bin/env bash
# Makes a deb and an rpm for each ARCHITECTURE (amd64 ...) below bin/packages: what make install puts below /usr, a configuration and a
# file for logrotate. NFPM is the command that runs nfpm. make packages calls it.
set -euo pipefail
version=${1:?usage: packages.sh VERSION ARCHITECTURE...}
shift
cd "$(dirname "$0")/.."

rm -rf bin/packages
mkdir -p bin/packages
for arch in "$@"; do
	binary=bin/packages/$arch/cashew
	make -s build VERSION="$version" BINARY="$binary" STRIP=1 GOOS=linux GOARCH="$arch"
	for format in deb rpm; do
		root=$PWD/bin/packages/$arch/$format functions=site-functions
		[ "$format" = rpm ] || functions=vendor-completions # Debian's zsh looks there
		make -s install-files BINARY="$binary" DESTDIR="$root" PREFIX=/usr ZSHDIR="$root/usr/share/zsh/$functions"
		sed "s,\${ROOT},$root," dist/packages/nfpm.yaml >"$root.yaml"
		VERSION=$version ARCH=$arch ${NFPM:?} package -f "$root.yaml" -p "$format" -t bin/packages
	done
	rm -rf "bin/packages/$arch"
done
