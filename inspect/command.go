// Package inspect has the subcommands for people: what a file says, where a key goes, what a change would move, what a
// running proxy does.
//
//	check      configs.Load, and all it says
//	explain    a file's rings, or a running proxy's /explain
//	diff       two files' rings against each other      movement.go
//	top        the stats port or /stats, twice and again   rates.go
//	bench      bench/generator, on several addresses in turn   benchfigures.go
//	reload     a running proxy's /reload
//	upgrade    a running proxy replaced by a new program
//	           which proxy that is: target.go
//	health     a running proxy's /readyz, or /healthz
//	demo       is the proxy itself: package daemon runs it, and this package knows it for its lists
//
// None of it is part of serving. Everything runs on the caller's goroutine but for top, which also reads keys.
package inspect

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"
)

// Command is one subcommand.
type Command struct {
	Name    string
	Args    string // as the usage shows them
	Summary string // half a line
	Help    string // what it does and prints, and its exit status

	// isProxy is set for what is no subcommand of this package but the proxy, which takes the proxy's options: Run is not
	// for it.
	isProxy bool

	build func(fs *pflag.FlagSet) action
}

// Demo is the name of the one command that starts a proxy.
const Demo = "demo"

// An action does what a command is for once its flags are parsed. The error is told to the user, and makes the exit
// status 1; so does errFound, which is not told.
type action func(args []string, stdout, stderr io.Writer) error

var (
	// errUsage makes the exit status 2 and shows the usage.
	errUsage = errors.New("usage")
	// errFound says that everything there is to say was said.
	errFound = errors.New("found mistakes")
)

// commands are all of them, as the usage lists them.
func commands() []*Command {
	return []*Command{demoCommand(), checkCommand(), explainCommand(), diffCommand(), topCommand(), benchCommand(), reloadCommand(), upgradeCommand(), healthCommand(), helpCommand()}
}

// Find returns the subcommand with this name, or nil.
func Find(name string) *Command {
	for _, c := range commands() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Run runs the subcommand that args begin with. ok is false if they begin with none of this package: then the proxy's
// options are in args.
func Run(args []string, stdout, stderr io.Writer) (status int, ok bool) {
	if len(args) == 0 {
		return 0, false
	}
	c := Find(args[0])
	if c == nil || c.isProxy {
		return 0, false
	}
	return c.Run(args[1:], stdout, stderr), true
}

// Names are those of all commands.
func Names() (names []string) {
	for _, c := range commands() {
		names = append(names, c.Name)
	}
	return names
}

// Run does what args, those after the command's name, ask for. It returns the exit status: 0, 1 for a failure, 2 for
// arguments that cannot be understood.
func (c *Command) Run(args []string, stdout, stderr io.Writer) int {
	fs, do := c.flags()
	err := fs.Parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		c.PrintHelp(stdout)
		return 0
	}
	if err == nil {
		err = do(fs.Args(), stdout, stderr)
	} else {
		err = fmt.Errorf("%w: %w", errUsage, err)
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFound):
		return 1
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "cashew %s: %v\n%s", c.Name, err, c.usage())
		return 2
	}
	fmt.Fprintf(stderr, "cashew %s: %v\n", c.Name, err)
	return 1
}

func (c *Command) flags() (*pflag.FlagSet, action) {
	fs := pflag.NewFlagSet(c.Name, pflag.ContinueOnError)
	fs.Usage = func() {} // Run prints it, to where it belongs
	fs.SortFlags = false
	return fs, c.build(fs)
}

func (c *Command) usage() string { return fmt.Sprintf("Usage: cashew %s %s\n", c.Name, c.Args) }

// PrintHelp writes what the command does, and its options.
func (c *Command) PrintHelp(w io.Writer) {
	fs, _ := c.flags()
	fs.BoolP("help", "h", false, "print this help and exit")
	fmt.Fprintf(w, "%s\n%s\n\nOptions:\n%s", c.usage(), c.Help, fs.FlagUsages())
}

// PrintList writes one line for each subcommand.
func PrintList(w io.Writer) {
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-8s %s\n", c.Name, c.Summary)
	}
}

// demoLacks are commands that the proxy passes on and the demo's servers do not know.
const demoLacks = "BITFIELD BITFIELD_RO BLMPOP FCALL FCALL_RO FUNCTION GEOHASH GEOSEARCHSTORE LATENCY LCS SORT SORT_RO SUBSTR XSETID\n" +
	"ZDIFF ZDIFFSTORE ZINTERCARD ZRANGESTORE: real servers have them."

func demoCommand() *Command {
	return &Command{
		Name:    Demo,
		Args:    "[--embedded-port=N] [OPTIONS]",
		Summary: "try it out: a proxy before servers in its own memory",
		Help: "Starts the proxy without a configuration file, before three Redis and three memcached servers in its own memory that\n" +
			"forget everything at the end. Of the proxy's options, which `cashew --help` lists, it takes all but -c, -d and -t.\n" +
			"\nThe Redis servers are a library's, miniredis. Of OBJECT they have IDLETIME alone, and they lack\n" + demoLacks,
		isProxy: true,
		build: func(fs *pflag.FlagSet) action {
			fs.Int("embedded-port", 22121, "its port on 127.0.0.1; memcached is on the next one, the statistics are 101 and the admin pages 102 further; 0 lets the kernel choose all")
			return nil
		},
	}
}

func helpCommand() *Command {
	return &Command{
		Name:    "help",
		Args:    "[COMMAND]",
		Summary: "list the subcommands, or say what one does",
		Help:    "Lists the subcommands, or says what one does. `cashew --help` has the options of the proxy itself.",
		build: func(*pflag.FlagSet) action {
			return func(args []string, stdout, _ io.Writer) error {
				if len(args) == 0 {
					fmt.Fprint(stdout, "Usage: cashew COMMAND [ARGUMENTS]\n\n")
					PrintList(stdout)
					fmt.Fprintln(stdout, "\nWithout one cashew is the proxy of a configuration file: see cashew --help.")
					return nil
				}
				c := Find(args[0])
				if c == nil {
					return fmt.Errorf("%w: there is no command %q", errUsage, args[0])
				}
				c.PrintHelp(stdout)
				return nil
			}
		},
	}
}
