package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
			o.confFile, o.confGiven, o.output, o.pidFile, o.verbose = "f.yml", true, "f.log", "f.pid", 11
		}},
		{"short, value attached", "-cf.yml -v0", func(o *cliOptions) { o.confFile, o.confGiven, o.verbose = "f.yml", true, 0 }},
		{"short, grouped", "-hVtDv7", func(o *cliOptions) {
			o.help, o.version, o.testConf, o.describeStats, o.verbose = true, true, true, true, 7
		}},
		{"long", "--conf-file f.yml --output=f.log --pid-file=f.pid --verbose 3", func(o *cliOptions) {
			o.confFile, o.confGiven, o.output, o.pidFile, o.verbose = "f.yml", true, "f.log", "f.pid", 3
		}},
		{"long, no argument", "--help --version --test-conf --describe-stats", func(o *cliOptions) {
			o.help, o.version, o.testConf, o.describeStats = true, true, true, true
		}},
		{"unambiguous prefixes", "--c f.yml --verb=1 --vers", func(o *cliOptions) {
			o.confFile, o.confGiven, o.verbose, o.version = "f.yml", true, 1, true
		}},
		{"permuted, others ignored", "one -t two -- -V", func(o *cliOptions) { o.testConf = true }},
		{"the last one counts", "-v 1 -v 2", func(o *cliOptions) { o.verbose = 2 }},
		{"clamped", "-v 12", func(o *cliOptions) { o.verbose = 11 }},
		{"empty file names", "-o _ -c _", func(o *cliOptions) { o.confFile, o.confGiven = "", true }},
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
				verbose: 5, confFile: "conf/nutcracker.yml", statsPort: 22222, statsAddr: "0.0.0.0", embeddedPort: -1,
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
		{"--embedded-port=1 -c f", "option --embedded-port cannot be used together with -c"},
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

func splitArgs(s string) []string {
	args := strings.Fields(s)
	for i := range args {
		if args[i] == "_" {
			args[i] = ""
		}
	}
	return args
}
