package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"cashew/bench/generator"
	"cashew/regular"
)

// benchPrefix is what keys of the bench begin with, so that they are nobody else's.
const benchPrefix = "cashew-bench:"

// A bench is what the command line asks for.
type bench struct {
	Protocol string  `json:"protocol"`
	Test     string  `json:"test"`
	Clients  int     `json:"clients"`
	Pipeline int     `json:"pipeline"`
	Keys     int     `json:"keys"`
	Size     int     `json:"size"`
	Zipf     float64 `json:"zipf"`
	Writes   float64 `json:"writes"`
	Rounds   int     `json:"rounds"`

	burst              time.Duration
	user, passwordFile string
	asJSON             bool
}

func benchCommand() *Command {
	return &Command{
		Name:    "bench",
		Args:    "[OPTIONS] [NAME=]ADDR...",
		Summary: "load servers and proxies in turn, and compare them",
		Help: "Loads each address, host:port or /path, as redis-benchmark would, in short bursts in turn, so that what else the machines do\n" +
			"meets all of them alike: `cashew bench direct=10.0.0.1:6379 cashew=10.0.0.7:22121`. Shows requests a second and latencies, as means\n" +
			"with two standard errors, and beside the first address the mean of the ratios within each round: two of which the intervals do\n" +
			"not touch differ. One thread sends, over plain TCP or unix sockets.\n" +
			"\n" +
			"All addresses get keys of its own, " + benchPrefix + "*, which are removed at the end, and load: take care with servers in use.",
		build: func(fs *pflag.FlagSet) action {
			b := &bench{}
			fs.StringVar(&b.Protocol, "protocol", "redis", "redis or memcached")
			fs.StringVar(&b.Test, "test", "get", "get, set, mixed, mgetN or msetN of N keys (redis), getN (memcached)")
			fs.IntVar(&b.Clients, "clients", 50, "connections to each address")
			fs.IntVar(&b.Pipeline, "pipeline", 1, "requests that a connection sends at once")
			fs.IntVar(&b.Keys, "keys", 10000, "how many keys there are")
			fs.IntVar(&b.Size, "size", 64, "bytes of a value")
			fs.Float64Var(&b.Zipf, "zipf", 0, "how much likelier the first keys are than the last: 0, not at all, to below 1")
			fs.Float64Var(&b.Writes, "writes", 20, "of mixed: how many of 100 requests set")
			fs.IntVar(&b.Rounds, "rounds", 20, "bursts of each address")
			fs.DurationVar(&b.burst, "burst", 300*time.Millisecond, "how long a burst is")
			fs.StringVar(&b.user, "user", "", "of Redis's AUTH")
			fs.StringVar(&b.passwordFile, "password-file", "", "file with the password of Redis's AUTH")
			fs.BoolVar(&b.asJSON, "json", false, "print JSON")
			return func(args []string, stdout, stderr io.Writer) error { return b.run(args, stdout, stderr) }
		},
	}
}

// benchTests are the tests for which Fill writes what is asked for.
var benchTests = regexp.MustCompile(`^(get|set|mixed|mget[0-9]+|mset[0-9]+|get[0-9]+)$`)

// check says what is wrong with the options; what generator.Open says of its own is not looked at.
func (b *bench) check(args []string) error {
	switch {
	case len(args) == 0:
		return fmt.Errorf("%w: it takes one address at least", errUsage)
	case !benchTests.MatchString(b.Test):
		return fmt.Errorf("%w: --test %q: there is no such test", errUsage, b.Test)
	case b.Rounds < 2 || b.burst < time.Millisecond:
		return fmt.Errorf("%w: --rounds, --burst: want two at least, of a millisecond at least", errUsage)
	case b.Protocol != "redis" && b.passwordFile != "":
		return fmt.Errorf("%w: --password-file: only Redis has AUTH", errUsage)
	case b.user != "" && b.passwordFile == "":
		return fmt.Errorf("%w: --user needs --password-file", errUsage)
	}
	names := make(map[string]bool)
	for _, arg := range args {
		name, addr, named := strings.Cut(arg, "=")
		switch {
		case named && (name == "" || addr == ""):
			return fmt.Errorf("%w: %q: want NAME=ADDR", errUsage, arg)
		case names[name]:
			return fmt.Errorf("%w: two are called %q", errUsage, name)
		}
		names[name] = true
	}
	return nil
}

func (b *bench) run(args []string, stdout, stderr io.Writer) (err error) {
	if err := b.check(args); err != nil {
		return err
	}
	password := ""
	if b.passwordFile != "" {
		line, err := regular.Line(b.passwordFile, 64<<10)
		if err != nil {
			return err
		}
		password = string(line)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var runs []*benchRun
	defer func() {
		for _, r := range runs { // also of who was interrupted
			err = errors.Join(err, r.load.Clear(context.WithoutCancel(ctx)))
			r.load.Close()
		}
	}()
	for _, arg := range args {
		r, err := b.open(arg, password)
		if err != nil {
			return err
		}
		runs = append(runs, r)
		if err := r.load.Fill(ctx); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
	}
	if err := b.bursts(ctx, runs); err != nil {
		return err
	}
	if b.asJSON {
		return b.printJSON(stdout, runs)
	}
	b.print(stdout, runs)
	for _, w := range warnings(runs) {
		fmt.Fprintln(stderr, "cashew bench:", w)
	}
	return nil
}

// open connects to an address of the command line.
func (b *bench) open(arg, password string) (*benchRun, error) {
	name, addr, named := strings.Cut(arg, "=")
	if !named {
		addr = arg
	}
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	load, err := generator.Open([]string{
		"-addr", addr, "-protocol", b.Protocol, "-test", b.Test, "-prefix", benchPrefix, "-clients", strconv.Itoa(b.Clients),
		"-pipeline", strconv.Itoa(b.Pipeline), "-keys", strconv.Itoa(b.Keys), "-size", strconv.Itoa(b.Size), "-zipf", number(b.Zipf), "-writes", number(b.Writes),
	}, b.user, password)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &benchRun{Name: name, Addr: addr, load: load}, nil
}

// bursts loads all in turn: a burst of each that does not count, and then rounds, of which each begins with another address.
func (b *bench) bursts(ctx context.Context, runs []*benchRun) error {
	for round := -1; round < b.Rounds; round++ {
		for i := range runs {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			r := runs[(i+max(round, 0))%len(runs)]
			f, err := r.load.Burst(b.burst)
			if err != nil {
				return fmt.Errorf("%s: %w", r.Name, err)
			}
			if round >= 0 {
				r.bursts = append(r.bursts, f)
			}
		}
	}
	return nil
}

func (b *bench) printJSON(w io.Writer, runs []*benchRun) error {
	for _, r := range runs {
		r.sum(runs[0])
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		*bench
		BurstMS  int64       `json:"burst_ms"`
		Results  []*benchRun `json:"results"`
		Warnings []string    `json:"warnings"`
	}{b, b.burst.Milliseconds(), runs, append([]string{}, warnings(runs)...)})
}
