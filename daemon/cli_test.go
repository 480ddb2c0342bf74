package daemon

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cashew/inspect"
)

// Source of the wanted values: twemproxy 0.5.0 nc_get_options, and GNU getopt_long.
func TestParseArgs(t *testing.T) {
	tests := []struct {
		name string
		args string // split at spaces; _ is an empty argument
		want func(o *cliOptions)
	}{
		{"nothing", "", func(*cliOptions) {}},
		{"short", "-c f.yml -o f.log -p f.pid -v 11", func(o *cliOptions) {
			o.confFile, o.output, o.pidFile, o.verbose = "f.yml", "f.log", "f.pid", 11
		}},
		{"short, value attached", "-cf.yml -v0", func(o *cliOptions) { o.confFile, o.verbose = "f.yml", 0 }},
		{"short, grouped", "-hVtDv7", func(o *cliOptions) {
			o.help, o.version, o.testConf, o.describeStats, o.verbose = true, true, true, true, 7
		}},
		{"long", "--conf-file f.yml --output=f.log --pid-file=f.pid --verbose 3", func(o *cliOptions) {
			o.confFile, o.output, o.pidFile, o.verbose = "f.yml", "f.log", "f.pid", 3
		}},
		{"long, no argument", "--help --version --test-conf --describe-stats", func(o *cliOptions) {
			o.help, o.version, o.testConf, o.describeStats = true, true, true, true
		}},
		{"unambiguous prefixes", "--c f.yml --verb=1 --vers", func(o *cliOptions) {
			o.confFile, o.verbose, o.version = "f.yml", 1, true
		}},
		{"permuted", "one -t two _ -- -V", func(o *cliOptions) { o.testConf, o.words = true, []string{"one", "two", "-V"} }},
		{"demo", "demo -v 6", func(o *cliOptions) { o.demo, o.verbose = true, 6 }},
		{"a demo that is not first", "-v 6 demo", func(o *cliOptions) { o.verbose, o.words = 6, []string{"demo"} }},
		{"the last one counts", "-v 1 -v 2", func(o *cliOptions) { o.verbose = 2 }},
		{"clamped", "-v 12", func(o *cliOptions) { o.verbose = 11 }},
		{"empty file names", "-o _ -c _", func(o *cliOptions) { o.confFile = "" }},
		{"a value may look like an option", "-o -t", func(o *cliOptions) { o.output = "-t" }},
		{"embedded port", "--embedded-port=0", func(o *cliOptions) { o.embeddedPort = 0 }},
		{"daemon", "-d", func(o *cliOptions) { o.daemonize = true }},
		{"statistics", "-s 1 -a /tmp/s -i 0", func(o *cliOptions) { o.statsPort, o.statsAddr = 1, "/tmp/s" }},
		{"long, statistics", "--stats-port=65535 --stats-addr ::1 --stats-interval=1 --daemonize", func(o *cliOptions) {
			o.statsPort, o.statsAddr, o.daemonize = 65535, "::1", true
		}},
		{"accepted", "-m 512 -m 16777216 --mbuf-size=16384 -i 100", func(*cliOptions) {}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseArgs(splitArgs(tt.args))
			if err != nil {
				t.Fatalf("parseArgs(%q): %v", tt.args, err)
			}
			want := &cliOptions{
				verbose: 5, confFile: "conf/nutcracker.yml", statsPort: 22222, statsAddr: "0.0.0.0", embeddedPort: 22121,
				words: []string{}, given: got.given,
			}
			tt.want(want)
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(cliOptions{})); diff != "" {
				t.Errorf("parseArgs(%q), -want +got:\n%s", tt.args, diff)
			}
		})
	}
}

func TestParseArgsErrors(t *testing.T) {
	tests := []struct{ args, want string }{
		{"-x", "invalid option -- 'x'"},
		{"-?", "invalid option -- '?'"},
		{"-tx", "invalid option -- 'x'"},
		{"--nope", "invalid option -- 'nope'"},
		{"--ver", "invalid option -- 'ver'"},
		{"--stats=1", "invalid option -- 'stats'"},
		{"--help=yes", "invalid option -- 'h'"},
		{"---t", "invalid option -- '-t'"},
		{"-c", "option -c requires a file name"},
		{"--conf-file", "option -c requires a file name"},
		{"-o", "option -o requires a file name"},
		{"-p", "option -p requires a file name"},
		{"-a", "option -a requires a string"},
		{"-v", "option -v requires a number"},
		{"-v x", "option -v requires a number"},
		{"-v -1", "option -v requires a number"},
		{"-v +1", "option -v requires a number"},
		{"-v 0x1", "option -v requires a number"},
		{"-v 1_0", "option -v requires a number"},
		{"-v _", "option -v requires a number"},
		{"-v 2147483648", "option -v requires a number"},
		{"-s", "option -s requires a number"},
		{"-s x", "option -s requires a number"},
		{"-s 0", "option -s value 0 is not a valid port"},
		{"-s 65536", "option -s value 65536 is not a valid port"},
		{"-i", "option -i requires a number"},
		{"-i -5", "option -i requires a number"},
		{"-m", "option -m requires a number"},
		{"-m 0", "option -m requires a non-zero number"},
		{"-m x", "option -m requires a non-zero number"},
		{"-m 511", "mbuf chunk size must be between 512 and 16777216 bytes"},
		{"-m 16777217", "mbuf chunk size must be between 512 and 16777216 bytes"},
		{"--embedded-port", "option --embedded-port requires a number"},
		{"--embedded-port=x", "option --embedded-port requires a number"},
		{"--embedded-port=65536", "option --embedded-port value 65536 is not a valid port"},
		{"-v x -s 0", "option -v requires a number"}, // the first one
		{"-h -x", "invalid option -- 'x'"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			_, err := parseArgs(splitArgs(tt.args))
			if err == nil || err.Error() != tt.want {
				t.Errorf("parseArgs(%q) = %v; want %q", tt.args, err, tt.want)
			}
		})
	}
}

// Whatever is not clearly a proxy of a configuration file, a command or the demo starts nothing, and says what was perhaps
// meant.
func TestCheck(t *testing.T) {
	const demoWith = " cannot be used with the demo, which has no configuration file and ends with its terminal"
	const portOf = "option --embedded-port is for the demo: cashew demo --embedded-port=N"
	tests := []struct{ args, want string }{
		{"", ""},
		{"-d", ""},
		{"_ -c f.yml _", ""},
		{"demo", ""},
		{"demo --embedded-port=0 -v 6 -o f -s 1", ""},
		{"demo _", ""},
		{"-h whatever", ""},
		{"-V -- reload", ""},
		{"-D x.yml --embedded-port=1", ""},
		{"demo -h -d", ""},

		{"relaod", `there is no command "relaod": did you mean "cashew reload"?`},
		{"-c f.yml relaod", `there is no command "relaod": did you mean "cashew reload"?`},
		{"relaod now", `there is no command "relaod": did you mean "cashew reload"?`},
		{"-v 5 reload", `a command stands first: did you mean "cashew reload"?`},
		{"-d reload", `a command stands first: did you mean "cashew reload"?`},
		{"-- reload", `a command stands first: did you mean "cashew reload"?`},
		{"_ reload", `a command stands first: did you mean "cashew reload"?`},
		{"--embedded-port=0 demo", portOf},
		{"-v 6 demo", `a command stands first: did you mean "cashew demo"?`},
		{"dmeo", `there is no command "dmeo": did you mean "cashew demo"?`},
		{"Check", `there is no command "Check": did you mean "cashew check"?`},
		{"explian key", `there is no command "explian": did you mean "cashew explain"?`},
		{"version", `there is no command "version": did you mean "cashew --version"?`},
		{"daemonise", `there is no command "daemonise": did you mean "cashew --daemonize"?`},
		{"frobnicate", `there is no command "frobnicate": "cashew help" lists them`},
		{"nutcracker.yml", `there is no command "nutcracker.yml": did you mean "cashew -c nutcracker.yml"?`},
		{"-t nutcracker.yml", `there is no command "nutcracker.yml": did you mean "cashew -c nutcracker.yml"?`},
		{"-d nutcracker.conf", `there is no command "nutcracker.conf": did you mean "cashew -c nutcracker.conf"?`},
		{"cli_test.go", `there is no command "cli_test.go": did you mean "cashew -c cli_test.go"?`},
		{"-c a.yml b.yml", `there is no command "b.yml": "cashew help" lists them`},
		{"testdata", `there is no command "testdata": "cashew help" lists them`}, // a directory

		{"--embedded-port=1", portOf},
		{"--embedded-port=1 -c f", portOf},
		{"--embedded-port=1 -d", portOf},
		{"--embed 1", portOf},
		{"demo -c f", "option -c" + demoWith},
		{"demo -d", "option -d" + demoWith},
		{"demo -t", "option -t" + demoWith},
		{"demo now", `the demo takes options only, not "now"`},
		{"demo demo", `the demo takes options only, not "demo"`},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) { wantCheck(t, tt.args, tt.want) })
	}
}

// By the name of nutcracker words are ignored, as nutcracker ignores them, and there is no demo.
func TestCheckNutcracker(t *testing.T) {
	defer func(name string) { program = name }(program)
	program = nutcracker
	const noDemo = "the demo cannot be had by the name of nutcracker: cashew demo"
	for _, tt := range []struct{ args, want string }{
		{"-d", ""},
		{"relaod", ""},
		{"-c f.yml x.yml start", ""},
		{"-V demo", ""},
		{"demo", noDemo},
		{"demo -d", noDemo},
		{"--embedded-port=1", "option --embedded-port is for the demo: cashew demo --embedded-port=N"},
	} {
		t.Run(tt.args, func(t *testing.T) { wantCheck(t, tt.args, tt.want) })
	}
}

func wantCheck(t *testing.T, args, want string) {
	t.Helper()
	o, err := parseArgs(splitArgs(args))
	if err != nil {
		t.Fatalf("parseArgs(%q): %v", args, err)
	}
	got := ""
	if err := o.check(inspect.Names()); err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("check of %q = %q; want %q", args, got, want)
	}
}

func splitArgs(s string) []string {
	args := strings.Fields(s)
	for i := range args {
		if args[i] == "_" {
			args[i] = ""
		}
	}
	return args
}
