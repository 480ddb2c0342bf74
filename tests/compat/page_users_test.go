//go:build unix

package compat

// usersDiffer is where users are not as a server has them; tests of codec/resp and tests/difftest compare them.
const usersDiffer = "" +
	"\n" +
	"## Users: where answers differ from redis-server 7.0\n" +
	"\n" +
	"None of these lets anybody at anything; they are what was found when `ACL DRYRUN` of all commands, users made at random, and their sessions were\n" +
	"compared with redis-server 7.0.15.\n" +
	"\n" +
	"| | redis-server 7.0.15 | cashew |\n" +
	"|---|---|---|\n" +
	"| `ACL LIST` and `GETUSER` of the rule `%RW~*` | `~*`, which it does not take together with other patterns, and which allows the empty key as well | `%RW~*` |\n" +
	"| `numkeys` such as `01`, `+1`, ` 1` | looks for keys before it finds that this is no number | leaves it to the server, which refuses it, whatever the keys |\n" +
	"| `GEORADIUS` with `STORE` and `STOREDIST` | judges both keys | judges the last, which is what is carried out |\n" +
	"| `MIGRATE` with a key and `KEYS`, or without a key | a syntax error | judges the key first |\n" +
	"| `PFMERGE` with one key, `WAIT` | is not judged for the key; `@slow @connection` | judges it; is `@blocking` as well |\n" +
	"| `ACL DRYRUN` of a command that only the servers know | judges it | `not found`; it is judged when it is sent |\n" +
	"| `ACL LOG` | merges with the ten newest entries | merges with any of the last minute |\n" +
	"| `NOAUTH Authentication required` | ends in a dot | ends as twemproxy's, but behind `EXECABORT` |\n" +
	"| `SETUSER`, `DELUSER`, `LOAD`, `SAVE` | change users | are refused: users are the configuration's |\n" +
	"| a name that begins with `>`, `<`, `#`, `!` or `(` | is one | is a mistake of the configuration |\n" +
	"\n" +
	"And from `memcached -Y` (1.6.18): before a login each line that is sent is answered, a data block as the line that it then is; memcached answers several that come in one\n" +
	"packet once. A login's block is 8 KiB at most, memcached's 16.\n"
