package daemon

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"cashew/configs"
	"cashew/daemon/logging"
)

// cliOptions are the command line's settings after a successful parseArgs.
type cliOptions struct {
	help, version, testConf, describeStats, daemonize bool

	verbose      int // 0..11
	output       string
	confFile     string
	statsPort    int
	statsAddr    string // a host, or the path of a unix socket
	pidFile      string
	demo         bool // the embedded default in place of a configuration file
	embeddedPort int  // of the demo
	drainDelay   time.Duration

	given map[string]bool // the long names of the options that the command line has
	words []string        // what is no option, without the command demo and what is empty
}

const (
	demoCommand         = "demo" // the word that stands first
	defaultConfFile     = "conf/nutcracker.yml"
	defaultStatsPort    = 22222
	defaultStatsAddr    = "0.0.0.0"
	defaultEmbeddedPort = 22121
	minMbufBytes        = 512
	maxMbufBytes        = 16 << 20
)

// cliFlag is one row of the usage. needs is what the error about a missing or a bad argument asks for; it is empty for
// a flag that takes no argument.
type cliFlag struct {
	short, long string
	arg         string
	needs       string
	help        string
}

// cliFlags are nutcracker's options, in its order, and after them our own, which have no short form.
//
// Source: twemproxy 0.5.0 nc.c, long_options and short_options.
var cliFlags = []cliFlag{
	{"h", "help", "", "", "print this help and exit"},
	{"V", "version", "", "", "print the version and exit"},
	{"t", "test-conf", "", "", "check the configuration file, print all its mistakes and exit"},
	{"d", "daemonize", "", "", "run in the background, once all has started"},
	{"D", "describe-stats", "", "", "describe the statistics and exit"},
	{"v", "verbose", "N", "a number", "log level (default: 5, min: 0, max: 11)"},
	{"o", "output", "S", "a file name", "log file (default: stderr)"},
	{"c", "conf-file", "S", "a file name", "configuration file (default: " + defaultConfFile + ")"},
	{"s", "stats-port", "N", "a number", "port of the statistics (default: 22222)"},
	{"a", "stats-addr", "S", "a string", "address of the statistics, or path of a unix socket (default: 0.0.0.0)"},
	{"i", "stats-interval", "N", "a number", "accepted; statistics are always live (default: 30000)"},
	{"p", "pid-file", "S", "a file name", "pid file (default: none)"},
	{"m", "mbuf-size", "N", "a number", "accepted; buffers choose their own size (default: 16384)"},
	{"", "drain-delay", "N", "a number", "milliseconds, where the file has no drain_delay (default: 0)"},
	{"", "embedded-port", "N", "a number", "of the demo: its port on 127.0.0.1, beside which all others are (default: 22121)"},
}

// flagAlone is the value that pflag hands over for a flag that takes no argument and got none.
const flagAlone = "\x00"

// parseArgs reads the command line as GNU getopt_long does: permuted arguments, grouped short options, unambiguous
// prefixes of long ones. It stops at the first bad option; the error's text is nutcracker's. The command demo may stand
// first.
//
// Source: twemproxy 0.5.0 nc_get_options.
func parseArgs(args []string) (*cliOptions, error) {
	o := &cliOptions{
		verbose: 5, confFile: defaultConfFile, statsPort: defaultStatsPort, statsAddr: defaultStatsAddr,
		embeddedPort: defaultEmbeddedPort, given: make(map[string]bool),
	}
	if len(args) > 0 && args[0] == demoCommand {
		o.demo, args = true, args[1:]
	}
	fs := pflag.NewFlagSet("cashew", pflag.ContinueOnError)
	for _, f := range cliFlags {
		fs.StringP(f.long, f.short, "", f.help)
		if f.needs == "" {
			fs.Lookup(f.long).NoOptDefVal = flagAlone
		}
	}
	fs.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(completeLong(name))
	})

	err := fs.ParseAll(args, func(f *pflag.Flag, value string) error { return o.set(f.Name, value) })
	if err != nil {
		return nil, errors.New(getoptText(err))
	}
	if o.demo && !o.given["stats-port"] {
		_, o.statsPort, _ = configs.DemoPorts(o.embeddedPort)
	}
	o.words = slices.DeleteFunc(fs.Args(), func(word string) bool { return word == "" }) // an unset variable of a script
	return o, nil
}

// informs reports whether the command line asks for nothing but a text about the program, before which all else is
// without meaning.
func (o *cliOptions) informs() bool { return o.help || o.version || o.describeStats }

// check refuses what would start another proxy than the one that is meant, or start one where none is meant: words that
// are no options, and the demo in any place where it could be taken for a proxy that keeps what it is given. nutcracker
// ignores words, and so does this program by that name. commands are the words that would have a meaning in another place.
func (o *cliOptions) check(commands []string) error {
	if o.informs() {
		return nil
	}
	if !o.demo {
		if o.given["embedded-port"] {
			return errors.New("option --embedded-port is for the demo: cashew demo --embedded-port=N")
		}
		if len(o.words) > 0 && program != nutcracker {
			return o.refuseWord(o.words[0], commands)
		}
		return nil
	}
	if program == nutcracker {
		return errors.New("the demo cannot be had by the name of nutcracker: cashew demo")
	}
	for _, long := range []string{"conf-file", "test-conf", "daemonize"} {
		if o.given[long] {
			return fmt.Errorf("option %s cannot be used with the demo, which has no configuration file and ends with its terminal", flagNamed(long))
		}
	}
	if len(o.words) > 0 {
		return fmt.Errorf("the demo takes options only, not %q", o.words[0])
	}
	return nil
}

// refuseWord says what a word that is neither an option nor a command in its place was perhaps meant to be.
func (o *cliOptions) refuseWord(word string, commands []string) error {
	if slices.Contains(commands, word) {
		return fmt.Errorf("a command stands first: did you mean \"cashew %s\"?", word)
	}
	text := fmt.Sprintf("there is no command %q", word)
	if !o.given["conf-file"] && isFileName(word) {
		return fmt.Errorf("%s: did you mean \"cashew -c %s\"?", text, word)
	}
	if command := configs.Near(word, commands); command != "" {
		return fmt.Errorf("%s: did you mean \"cashew %s\"?", text, command)
	}
	var options []string
	for _, f := range cliFlags {
		options = append(options, f.long)
	}
	if option := configs.Near(word, options); option != "" {
		return fmt.Errorf("%s: did you mean \"cashew --%s\"?", text, option)
	}
	return fmt.Errorf("%s: \"cashew help\" lists them", text)
}

// isFileName reports whether word names a file, or ends like the name of a configuration file.
func isFileName(word string) bool {
	if fi, err := os.Stat(word); err == nil {
		return !fi.IsDir()
	}
	return slices.Contains([]string{".yml", ".yaml", ".conf", ".cfg"}, filepath.Ext(word))
}

// completeLong returns the one long option that name is a prefix of, or name itself.
func completeLong(name string) string {
	found := name
	for _, f := range cliFlags {
		switch {
		case f.long == name:
			return name
		case strings.HasPrefix(f.long, name) && found != name:
			return name // ambiguous
		case strings.HasPrefix(f.long, name):
			found = f.long
		}
	}
	return found
}

// getoptText turns pflag's errors into nutcracker's texts. Where nutcracker prints a NUL byte for a long option that
// does not exist, the option's name stands here.
func getoptText(err error) string {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		syntax  *pflag.InvalidSyntaxError
	)
	switch {
	case errors.As(err, &unknown):
		return invalidOption(unknown.GetSpecifiedName())
	case errors.As(err, &missing):
		return flagNamed(missing.GetFlag().Name).requires()
	case errors.As(err, &syntax):
		return invalidOption(strings.TrimPrefix(syntax.GetSpecifiedFlag(), "--"))
	}
	return err.Error()
}

func invalidOption(name string) string { return fmt.Sprintf("invalid option -- '%s'", name) }

func flagNamed(long string) *cliFlag {
	return &cliFlags[slices.IndexFunc(cliFlags, func(f cliFlag) bool { return f.long == long })]
}

// String is the option as a user would type it, the short form first.
func (f *cliFlag) String() string {
	if f.short == "" {
		return "--" + f.long
	}
	return "-" + f.short
}

func (f *cliFlag) requires() string { return fmt.Sprintf("option %s requires %s", f, f.needs) }

// set takes one option in the order of the command line.
func (o *cliOptions) set(long, value string) error {
	f := flagNamed(long)
	if f.needs == "" && value != flagAlone {
		return errors.New(invalidOption(f.short))
	}
	n := 0
	if f.needs == "a number" {
		var err error
		if n, err = parseNumber(value); err != nil && long == "mbuf-size" {
			return fmt.Errorf("option %s requires a non-zero number", f)
		} else if err != nil {
			return errors.New(f.requires())
		}
	}

	o.given[long] = true
	switch long {
	case "help":
		o.help = true
	case "version":
		o.version = true
	case "test-conf":
		o.testConf = true
	case "describe-stats":
		o.describeStats = true
	case "daemonize":
		o.daemonize = true
	case "verbose":
		o.verbose = min(n, logging.MaxVerbose)
	case "output":
		o.output = value
	case "conf-file":
		o.confFile = value
	case "pid-file":
		o.pidFile = value
	case "stats-port":
		if n < 1 || n > math.MaxUint16 {
			return fmt.Errorf("option %s value %d is not a valid port", f, n)
		}
		o.statsPort = n
	case "stats-addr":
		o.statsAddr = value
	case "mbuf-size":
		if n == 0 {
			return fmt.Errorf("option %s requires a non-zero number", f)
		}
		if n < minMbufBytes || n > maxMbufBytes {
			return fmt.Errorf("mbuf chunk size must be between %d and %d bytes", minMbufBytes, maxMbufBytes)
		}
	case "drain-delay":
		o.drainDelay = time.Duration(n) * time.Millisecond
	case "embedded-port":
		if n > math.MaxUint16 { // 0 lets the kernel choose
			return fmt.Errorf("option %s value %d is not a valid port", f, n)
		}
		o.embeddedPort = n
	}
	return nil
}

// parseNumber takes ASCII digits and nothing else, up to what an int32 holds. nutcracker lets larger numbers wrap.
//
// Source: twemproxy 0.5.0 nc_atoi.
func parseNumber(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err
}

// nutcrackerVersion is the one whose behaviour we have; scripts may look for it in what nutcracker says.
const nutcrackerVersion = "0.5.0"

// printVersion writes nutcracker's three lines about itself, and under that name a fourth with our own.
func (b Build) printVersion(w io.Writer) {
	if program == nutcracker {
		fmt.Fprintf(w, "This is nutcracker-%s\nasync event backend: %s\nprovided by cashew-%s\n\n",
			nutcrackerVersion, eventBackend(), b.version())
		return
	}
	fmt.Fprintf(w, "This is cashew-%s\nasync event backend: %s\n\n", b.version(), eventBackend())
}

func (b Build) printUsage(w io.Writer) {
	usage := "Usage: " + program + " "
	indent := strings.Repeat(" ", len(usage))
	fmt.Fprint(w, usage, "[-?hVdDt] [-v verbosity level] [-o output file]\n",
		indent, "[-c conf file] [-s stats port] [-a stats addr]\n",
		indent, "[-i stats interval] [-p pid file] [-m mbuf size]\n\nOptions:\n")
	for _, f := range cliFlags {
		short, long := "    ", f.long
		if f.short != "" {
			short = "-" + f.short + ", "
		}
		if f.arg != "" {
			long += "=" + f.arg
		}
		fmt.Fprintf(w, "  %s--%-17s: %s\n", short, long, f.help)
	}
	fmt.Fprintln(w, "\nCommands, as the first argument; each has a --help:")
	b.ListCommands(w)
	fmt.Fprintln(w)
}
