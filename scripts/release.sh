#!/usr/bin/env bash
# Makes archives of the program for PLATFORMS (linux/amd64 ...) below bin/release, with documents and examples, and SHA256SUMS. The same
# commit, Go and tar make the same bytes. make release calls it.
set -euo pipefail
version=${1:?usage: release.sh VERSION PLATFORM...}
shift
cd "$(dirname "$0")/.."

# All files have the time of the commit, or of SOURCE_DATE_EPOCH.
at=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
rm -rf bin/release
for platform in "$@"; do
	name=cashew-$version-${platform/\//-}
	echo "$name"
	make -s build VERSION="$version" BINARY="bin/release/$name/cashew" STRIP=1 GOOS="${platform%/*}" GOARCH="${platform#*/}"
	scripts/docs.sh "bin/release/$name"
	install -m 644 dist/cashew.1 dist/cashew.bash dist/cashew.fish dist/cashew.sysusers dist/cashew.zsh "bin/release/$name/dist"
	tar -C bin/release --sort=name --mtime="@$at" --owner=0 --group=0 --numeric-owner -cf - "$name" | gzip -9n >"bin/release/$name.tar.gz"
	rm -rf "bin/release/$name"
done
cd bin/release && sha256sum ./*.tar.gz | sed 's, \./, ,' >SHA256SUMS
