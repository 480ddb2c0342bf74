// Command cashew is a proxy before fleets of Redis and memcached servers: a drop-in replacement of twemproxy.
//
//	cashew check F    and the other subcommands: package inspect
//	cashew -c F       the proxy itself: package daemon
package main

import (
	"os"

	"cashew/daemon"
	"cashew/inspect"
)

// version is set by the Makefile, through the linker.
var version string

func main() {
	args := os.Args[1:]
	if status, ok := inspect.Run(args, os.Stdout, os.Stderr); ok {
		os.Exit(status)
	}
	b := daemon.Build{
		Version: version, Commands: inspect.Names(), ListCommands: inspect.PrintList, HelpDemo: inspect.Find(inspect.Demo).PrintHelp,
	}
	os.Exit(b.Run(args, os.Stdout, os.Stderr))
}
