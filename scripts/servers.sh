#!/usr/bin/env bash
# Makes sure that the servers which the tests compare with are there: redis-server, redis-tools, memcached, nutcracker and
# libmemcached's tools; HAProxy, which sends PROXY headers; etcd, in which servers are discovered; stunnel; what runs the client libraries of tests/compat/: Node.js with npm,
# PHP, Python, Ruby and their libraries; and valgrind, which counts instructions. "servers.sh compat" also brings what make compat alone has need of: more libraries, frameworks; "servers.sh dist" what make dist has.
# On Debian and its like, as root or with a sudo that asks for no password, it installs what is missing; otherwise it says
# what is missing. Without them some tests are skipped, or fail if CI=true.
#
# The packages would start their services at once. Where systemd runs, that is kept from happening by a mask that lives in
# /run and is taken away again as this script ends; nothing else on the machine is changed. The tests start the servers
# themselves, on ports of their own.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin" DEBIAN_FRONTEND=noninteractive

# Whether one of the programs in a list is in PATH: Debian renamed libmemcached's.
found() {
	local program
	for program in ${1//,/ }; do
		command -v "$program" >/dev/null && return
	done
	return 1
}

# Whether Python can import modules. The first python3 in PATH need not be Debian's, which has Debian's packages.
imports() {
	local python
	for python in python3 /usr/bin/python3; do
		"$python" -c "import $1" 2>/dev/null && return
	done
	return 1
}

# Prints the packages whose program is not in PATH.
missing() {
	local pair module
	for pair in redis-server:redis-server redis-cli:redis-tools memcached:memcached nutcracker:nutcracker \
		memccapable,memcapable:libmemcached-tools haproxy:haproxy etcd:etcd-server stunnel:stunnel4 valgrind:valgrind node:nodejs npm:npm php:php-cli ruby:ruby; do
		found "${pair%%:*}" || echo "${pair##*:}"
	done
	# Libraries are found by asking the language for them, as tests/compat/ does.
	php -r 'exit(extension_loaded("redis") ? 0 : 1);' 2>/dev/null || echo php-redis
	php -r 'exit((@include "Predis/Autoloader.php") ? 0 : 1);' 2>/dev/null || echo php-predis
	imports redis || echo python3-redis
	imports hiredis || echo python3-hiredis
	imports pylibmc || echo python3-pylibmc
	for module in pylibmc pymemcache django_redis; do
		imports "django, $module" || echo "python3-django python3-${module//_/-}" # of the same Python
	done
	ruby -e 'require "redis"' 2>/dev/null || echo ruby-redis
	[ "$what" != compat ] || missing_for_compat
	[ "$what" != dist ] || missing_for_dist
}

# Prints the packages that make dist has need of besides.
missing_for_dist() {
	local pair
	for pair in promtool:prometheus zsh:zsh fish:fish rpm:rpm logrotate:logrotate groff:groff systemd-analyze:systemd; do
		found "${pair%%:*}" || echo "${pair##*:}"
	done
}

# Prints the packages that make compat has need of besides.
missing_for_compat() {
	local pair
	found cc || echo gcc libc6-dev
	[ -e /usr/include/hiredis/hiredis.h ] || echo libhiredis-dev
	perl -MRedis -MIO::Socket::SSL -e1 2>/dev/null || echo libredis-perl libio-socket-ssl-perl
	found stunnel || echo stunnel4
	php -r 'exit(extension_loaded("memcached") ? 0 : 1);' 2>/dev/null || echo php-memcached
	ruby -e 'require "dalli"' 2>/dev/null || echo ruby-dalli
	found javac || echo openjdk-17-jdk-headless
	[ -e /usr/share/java/spymemcached.jar ] || echo libspymemcached-java
	for pair in celery:celery rq:rq channels_redis:channels-redis; do
		/usr/bin/python3 -c "import ${pair%%:*}" 2>/dev/null || echo "python3-${pair##*:}"
	done
	ruby -e 'require "sidekiq"' 2>/dev/null || echo ruby-sidekiq
	php -r 'exit((@include "Symfony/Component/Messenger/Bridge/Redis/autoload.php") ? 0 : 1);' 2>/dev/null ||
		echo php-symfony-messenger php-symfony-redis-messenger
	php -r 'exit((@include "Illuminate/autoload.php") ? 0 : 1);' 2>/dev/null || echo php-laravel-framework
}

what=${1:-}
as_root=()
units=()

unmask() { "${as_root[@]}" systemctl --runtime --quiet unmask "${units[@]}"; }

install_packages() {
	command -v apt-get >/dev/null || return 1
	if [ "$(id -u)" != 0 ]; then
		sudo -n true 2>/dev/null || return 1
		as_root=(sudo -n -E)
	fi
	if [ -d /run/systemd/system ]; then
		units=("${@/%/.service}" etcd.service) # which is etcd-server's
		trap unmask EXIT
		"${as_root[@]}" systemctl --runtime --quiet mask "${units[@]}"
	fi
	echo "servers: installing $*"
	"${as_root[@]}" apt-get -q update </dev/null &&
		"${as_root[@]}" apt-get -q -y --no-install-recommends install "$@" </dev/null
}

packages=($(missing))
[ ${#packages[@]} = 0 ] && exit 0
install_packages "${packages[@]}" >&2 || true

packages=($(missing))
[ ${#packages[@]} = 0 ] && exit 0
echo "servers: not installed: ${packages[*]}" >&2
if [ "${CI:-}" = true ]; then
	echo "servers: CI=true, so this is a failure" >&2
	exit 1
fi
echo "servers: tests that need them are skipped; on Debian: sudo apt-get install ${packages[*]}" >&2
