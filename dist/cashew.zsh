#compdef cashew nutcracker
# zsh completion for cashew, and for nutcracker where that is a link to it; make install calls it _cashew.

_cashew() {
	local -a commands admin target options
	local command=
	commands=(
		'demo:try it out'
		'check:find all mistakes of configuration files'
		'explain:where keys go, and why'
		'diff:the share of keys that would move'
		'top:a live view of a running proxy'
		'bench:load servers and proxies in turn, and compare them'
		'reload:have a running proxy read its configuration again'
		'upgrade:replace a running proxy by the program in its place'
		'health:is a running proxy ready for clients?'
		'help:list the commands, or say what one does'
	)
	admin=('--admin[its admin address]:address:' '--admin-token-file[a file with the token of its pages]:file:_files'
		'--admin-ca-cert-file[certificates to trust]:file:_files')
	target=({-c,--conf-file}'[the configuration file of the running proxy]:file:_files' {-p,--pid-file}'[its pid file]:file:_files')
	options=(
		{-h,--help}'[print the options and commands]' {-V,--version}'[print the version]'
		{-t,--test-conf}'[check the configuration file]' {-d,--daemonize}'[run in the background]'
		{-D,--describe-stats}'[describe the statistics]'
		{-v,--verbose}'[log level]:level:(0 1 2 3 4 5 6 7 8 9 10 11)' {-o,--output}'[log file]:file:_files'
		{-c,--conf-file}'[configuration file]:file:_files' {-s,--stats-port}'[port of the statistics]:port:'
		{-a,--stats-addr}'[address of the statistics]:address:' {-i,--stats-interval}'[accepted; statistics are live]:milliseconds:'
		{-p,--pid-file}'[pid file]:file:_files' {-m,--mbuf-size}'[accepted; buffers choose their own size]:bytes:'
		'--drain-delay[how long it accepts when it was told to end]:milliseconds:'
	)

	if ((CURRENT == 2)) && [[ $words[2] != -* && ${words[1]:t} != nutcracker ]]; then
		_describe command commands
		return
	fi
	((CURRENT > 2)) && [[ -n ${commands[(r)${words[2]}:*]} ]] && command=$words[2]
	if [[ -z $command ]]; then
		_arguments -s $options
		return
	fi
	shift words
	((CURRENT--))
	case $command in
	demo)
		_arguments '--embedded-port[its port on 127.0.0.1]:port:' \
			{-v,--verbose}'[log level]:level:(0 1 2 3 4 5 6 7 8 9 10 11)' {-o,--output}'[log file]:file:_files' \
			{-s,--stats-port}'[port of the statistics]:port:' {-a,--stats-addr}'[address of the statistics]:address:' \
			{-p,--pid-file}'[pid file]:file:_files' '--drain-delay[how long it accepts when it was told to end]:milliseconds:' \
			'--help[what it does]'
		;;
	check) _arguments '--strict[warnings are mistakes]' '--help[what it does]' '*:file:_files' ;;
	explain)
		_arguments $target '--pool[of this pool alone]:pool:' $admin '--json[as JSON]' \
			'--help[what it does]' '*:key:'
		;;
	diff) _arguments $admin '--json[as JSON]' '--help[what it does]' '1:old file:_files' '2:new file:_files' ;;
	top) _arguments '--stats[its stats port]:address:' $target $admin {-n,--interval}'[seconds between looks]:seconds:' '--sort[what comes first]:order:(trouble requests errors latency name)' '--once[one look]' '--help[what it does]' ;;
	bench)
		_arguments '--protocol[redis or memcached]:protocol:(redis memcached)' '--test[requests]:test:(get set mixed mget10 mget100)' \
			'--clients[connections]:number:' '--pipeline[requests at once on a connection]:number:' '--keys[how many there are]:number:' \
			'--size[bytes of a value]:bytes:' '--zipf[skew of the keys, 0 to 1]:exponent:' '--writes[of mixed, in percent]:percent:' \
			'--rounds[bursts of each]:number:' '--burst[how long one is]:duration:' '--user[of AUTH]:name:' '--password-file[of AUTH]:file:_files' \
			'--json[as JSON]' '--help[what it does]' '*:name=address:'
		;;
	reload) _arguments $target $admin '--help[what it does]' ;;
	health) _arguments '--live[is it alive?]' '*--pool[is this pool served?]:pool:' $target $admin '--help[what it does]' ;;
	upgrade) _arguments $target $admin '--timeout[how long to wait]:seconds:' '--help[what it does]' ;;
	help) _describe command commands ;;
	esac
}

if [[ $funcstack[1] == _cashew ]]; then
	_cashew "$@" # it was loaded as it was called first
else
	compdef _cashew cashew nutcracker
fi
