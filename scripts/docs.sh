#!/usr/bin/env bash
# Copies the documents to where make install wants them, in the folders that they have here, so that what they link to is there, too.
# Links to what is in the sources alone become their text.
set -euo pipefail
to=${1:?usage: docs.sh DIRECTORY}
cd "$(dirname "$0")/.."

install -d "$to"/{configs,dist/kubernetes,docs/plots}
for page in ./*.md configs/README.md docs/*.md; do
	sed -E 's,\[([^]]*)\]\((\.\./)?(codec|tests)(/[^)]*)?\),\1,g' "$page" >"$to/$page"
	chmod 644 "$to/$page"
done
install -m 644 LICENSE "$to"
install -m 644 configs/*.yml "$to/configs"
install -m 644 docs/*.png "$to/docs"
install -m 644 docs/plots/*.svg "$to/docs/plots"
install -m 644 dist/Dockerfile dist/cashew.logrotate dist/cashew.service dist/compose.yml dist/grafana-dashboard.json dist/prometheus-alerts.yml "$to/dist"
install -m 644 dist/kubernetes/*.yaml "$to/dist/kubernetes"
