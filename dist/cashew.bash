# bash completion for cashew, and for nutcracker where that is a link to it.

_cashew() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=
	local commands='demo check explain diff top bench reload upgrade health help'
	local options='-h --help -V --version -t --test-conf -d --daemonize -D --describe-stats -v --verbose -o --output
		-c --conf-file -s --stats-port -a --stats-addr -i --stats-interval -p --pid-file -m --mbuf-size --drain-delay'
	local target='-c --conf-file -p --pid-file'
	local admin='--admin --admin-token-file --admin-ca-cert-file'
	COMPREPLY=()

	if ((COMP_CWORD > 1)); then
		case ${COMP_WORDS[1]} in
		demo | check | explain | diff | top | bench | reload | upgrade | health | help) command=${COMP_WORDS[1]} ;;
		esac
	fi
	case $command in
	demo) options='--embedded-port --drain-delay -v --verbose -o --output -s --stats-port -a --stats-addr -p --pid-file --help' ;;
	check) options='--strict --help' ;;
	explain) options="$target --pool $admin --json --help" ;;
	diff) options="$admin --json --help" ;;
	top) options="--stats $target $admin -n --interval --sort --once --help" ;;
	bench)
		options='--protocol --test --clients --pipeline --keys --size --zipf --writes --rounds --burst --user --password-file --json --help'
		;;
	reload) options="$target $admin --help" ;;
	health) options="--live --pool $target $admin --help" ;;
	upgrade) options="$target $admin --timeout --help" ;;
	esac

	case $prev in
	-o | --output | -c | --conf-file | -p | --pid-file | --admin-token-file | --admin-ca-cert-file | --password-file)
		_cashew_files "$cur"
		return
		;;
	--protocol)
		mapfile -t COMPREPLY < <(compgen -W 'redis memcached' -- "$cur")
		return
		;;
	--test)
		mapfile -t COMPREPLY < <(compgen -W 'get set mixed mget10 mget100' -- "$cur")
		return
		;;
	-v | --verbose)
		mapfile -t COMPREPLY < <(compgen -W '0 1 2 3 4 5 6 7 8 9 10 11' -- "$cur")
		return
		;;
	-s | --stats-port | -a | --stats-addr | -i | --stats-interval | -m | --mbuf-size | --drain-delay | --embedded-port | --admin | --stats | \
		-n | --interval | --sort | --pool | --timeout | --clients | --pipeline | --keys | --size | --zipf | --writes | --rounds | --burst | --user)
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [[ $command == check || $command == diff ]]; then
		_cashew_files "$cur"
	elif [[ $command == help ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
	elif ((COMP_CWORD == 1)) && [[ ${COMP_WORDS[0]##*/} != nutcracker ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
	fi
}

# _cashew_files completes a file name; directories get their slash.
_cashew_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

complete -F _cashew cashew nutcracker
