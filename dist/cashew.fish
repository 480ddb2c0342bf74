# fish completion for cashew.

set -l commands demo check explain diff top bench reload upgrade health help
complete -c cashew -f

# The commands stand first; where there is none, the options are the proxy's.
complete -c cashew -n __fish_use_subcommand -a demo -d 'Try it out'
complete -c cashew -n __fish_use_subcommand -a check -d 'Find all mistakes of configuration files'
complete -c cashew -n __fish_use_subcommand -a explain -d 'Where keys go, and why'
complete -c cashew -n __fish_use_subcommand -a diff -d 'The share of keys that would move'
complete -c cashew -n __fish_use_subcommand -a top -d 'A live view of a running proxy'
complete -c cashew -n __fish_use_subcommand -a bench -d 'Load servers and proxies in turn, and compare them'
complete -c cashew -n __fish_use_subcommand -a reload -d 'Have a running proxy read its configuration again'
complete -c cashew -n __fish_use_subcommand -a upgrade -d 'Replace a running proxy by the program in its place'
complete -c cashew -n __fish_use_subcommand -a health -d 'Is a running proxy ready for clients?'
complete -c cashew -n __fish_use_subcommand -a help -d 'List the commands, or say what one does'
complete -c cashew -n '__fish_seen_subcommand_from help' -a "$commands"

complete -c cashew -n __fish_use_subcommand -s h -l help -d 'Print the options and commands'
complete -c cashew -n __fish_use_subcommand -s V -l version -d 'Print the version'
complete -c cashew -n __fish_use_subcommand -s t -l test-conf -d 'Check the configuration file'
complete -c cashew -n __fish_use_subcommand -s d -l daemonize -d 'Run in the background'
complete -c cashew -n __fish_use_subcommand -s D -l describe-stats -d 'Describe the statistics'
complete -c cashew -n __fish_use_subcommand -s c -l conf-file -rF -d 'Configuration file'
complete -c cashew -n __fish_use_subcommand -s i -l stats-interval -x -d 'Accepted; statistics are live'
complete -c cashew -n __fish_use_subcommand -s m -l mbuf-size -x -d 'Accepted; buffers choose their own size'
for own in __fish_use_subcommand '__fish_seen_subcommand_from demo'
	complete -c cashew -n $own -s v -l verbose -x -a '0 1 2 3 4 5 6 7 8 9 10 11' -d 'Log level'
	complete -c cashew -n $own -s o -l output -rF -d 'Log file'
	complete -c cashew -n $own -s s -l stats-port -x -d 'Port of the statistics'
	complete -c cashew -n $own -s a -l stats-addr -x -d 'Address of the statistics'
	complete -c cashew -n $own -s p -l pid-file -rF -d 'Pid file'
	complete -c cashew -n $own -l drain-delay -x -d 'How long it accepts when it was told to end, in milliseconds'
end

complete -c cashew -n '__fish_seen_subcommand_from demo' -l embedded-port -x -d 'Its port on 127.0.0.1'
complete -c cashew -n '__fish_seen_subcommand_from check diff' -F
complete -c cashew -n '__fish_seen_subcommand_from check' -l strict -d 'Warnings are mistakes'
complete -c cashew -n '__fish_seen_subcommand_from explain health' -l pool -x -d 'Of this pool alone'
complete -c cashew -n '__fish_seen_subcommand_from health' -l live -d 'Is it alive?'
complete -c cashew -n '__fish_seen_subcommand_from explain diff bench' -l json -d 'As JSON'
complete -c cashew -n '__fish_seen_subcommand_from top' -l stats -x -d 'Its stats port'
complete -c cashew -n '__fish_seen_subcommand_from top' -s n -l interval -x -d 'Seconds between looks'
complete -c cashew -n '__fish_seen_subcommand_from top' -l sort -x -a 'trouble requests errors latency name' -d 'What comes first'
complete -c cashew -n '__fish_seen_subcommand_from top' -l once -d 'One look'
complete -c cashew -n '__fish_seen_subcommand_from upgrade' -l timeout -x -d 'How long to wait, in seconds'
for own in explain top reload upgrade health
	complete -c cashew -n "__fish_seen_subcommand_from $own" -s c -l conf-file -rF -d 'The configuration file of the running proxy'
	complete -c cashew -n "__fish_seen_subcommand_from $own" -s p -l pid-file -rF -d 'Its pid file'
end
for own in explain diff top reload upgrade health
	complete -c cashew -n "__fish_seen_subcommand_from $own" -l admin -x -d 'Its admin address'
	complete -c cashew -n "__fish_seen_subcommand_from $own" -l admin-token-file -rF -d 'A file with the token of its pages'
	complete -c cashew -n "__fish_seen_subcommand_from $own" -l admin-ca-cert-file -rF -d 'Certificates to trust'
end
complete -c cashew -n '__fish_seen_subcommand_from bench' -l protocol -x -a 'redis memcached' -d 'What the addresses speak'
complete -c cashew -n '__fish_seen_subcommand_from bench' -l test -x -a 'get set mixed mget10 mget100' -d 'Requests'
complete -c cashew -n '__fish_seen_subcommand_from bench' -l clients -x -d 'Connections'
complete -c cashew -n '__fish_seen_subcommand_from bench' -l pipeline -x -d 'Requests at once on a connection'
complete -c cashew -n '__fish_seen_subcommand_from bench' -l keys -x -d 'How many there are'
complete -c cashew -n '__fish_seen_subcommand_from bench' -l size -x -d 'Bytes of a value'
complete -c cashew -n '__fish_seen_subcommand_from bench' -l zipf -x -d 'Skew of the keys, 0 to 1'
complete -c cashew -n '__fish_seen_subcommand_from bench' -l writes -x -d 'Of mixed, in percent'
complete -c cashew -n '__fish_seen_subcommand_from bench' -l rounds -x -d 'Bursts of each'
complete -c cashew -n '__fish_seen_subcommand_from bench' -l burst -x -d 'How long one is'
complete -c cashew -n '__fish_seen_subcommand_from bench' -l user -x -d 'Of AUTH'
complete -c cashew -n '__fish_seen_subcommand_from bench' -l password-file -rF -d 'Of AUTH'
for command in $commands
	complete -c cashew -n "__fish_seen_subcommand_from $command" -l help -d 'What it does'
end
