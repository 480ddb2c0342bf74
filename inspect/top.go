package inspect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"
)

const defaultStats = "127.0.0.1:22222"

func topCommand() *Command {
	return &Command{
		Name:    "top",
		Args:    "[--stats ADDR | -c FILE | -p PIDFILE | --admin ADDR] [-n SECONDS] [--once]",
		Summary: "a live view of a running proxy, from its stats port",
		Help: "Shows requests, bytes, errors and queues for each pool and server, per second, from two readings of the stats port.\n" +
			"It understands nutcracker's as well, whose figures are up to its -i old. --admin reads /stats of the admin pages in\n" +
			"its place, which says more: which servers are ejected now, and which are back on trial. q or Ctrl-C ends it. Where\n" +
			"the output is no terminal, one table follows the other.",
		build: func(fs *pflag.FlagSet) action {
			addr := fs.String("stats", defaultStats, "host:port or /path of the stats port")
			admin := targetFlags(fs, "")
			interval := fs.Float64P("interval", "n", 1, "seconds between two readings")
			once := fs.Bool("once", false, "show one interval and exit")
			return func(args []string, stdout, stderr io.Writer) error {
				switch {
				case len(args) > 0:
					return fmt.Errorf("%w: it takes no arguments", errUsage)
				case admin.isNamed() && fs.Changed("stats"):
					return fmt.Errorf("%w: either --stats or one of -c, -p and --admin", errUsage)
				case !(*interval >= 0.01 && *interval <= 3600):
					return fmt.Errorf("%w: -n must be from 0.01 to 3600", errUsage)
				}
				if err := admin.find(); errors.Is(err, errNoPages) && admin.stats != "" {
					*addr, admin.addr = admin.stats, ""
				} else if err != nil {
					return err
				}
				t := top{addr: *addr, admin: admin, interval: time.Duration(*interval * float64(time.Second)), out: stdout}
				if *once {
					return t.once()
				}
				return t.run()
			}
		},
	}
}

// top is the live view.
type top struct {
	addr     string // of the stats port
	admin    *pages // which are asked in its place, if there is an address
	interval time.Duration
	out      io.Writer
	isRaw    bool // the terminal wants a carriage return and is painted over
}

// once shows one interval.
func (t *top) once() error {
	was, err := t.read()
	if err != nil {
		return err
	}
	time.Sleep(t.interval)
	is, err := t.read()
	if err != nil {
		return err
	}
	return t.show(table(was, is))
}

func (t *top) read() (*reading, error) {
	timeout := max(t.interval, 5*time.Second)
	if t.admin.addr == "" {
		return readStats(t.addr, timeout)
	}
	var body json.RawMessage
	if err := ask(http.MethodGet, t.admin, "/stats", nil, timeout, &body); err != nil {
		return nil, err
	}
	return parseStats(body, time.Now())
}

// run shows intervals until it is told to end.
func (t *top) run() error {
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(quit)
	if out, ok := t.out.(*os.File); ok && term.IsTerminal(int(out.Fd())) && term.IsTerminal(int(os.Stdin.Fd())) {
		state, err := term.MakeRaw(int(os.Stdin.Fd()))
		if err != nil {
			return err
		}
		defer term.Restore(int(os.Stdin.Fd()), state) //nolint:errcheck // there is nobody left to tell
		t.isRaw = true
		fmt.Fprint(t.out, "\x1b[2J")
		go readKeys(os.Stdin, quit)
	}

	was, err := t.read()
	if err != nil {
		return err
	}
	ticks := time.NewTicker(t.interval)
	defer ticks.Stop()
	for {
		select {
		case <-quit:
			return nil
		case <-ticks.C:
		}
		is, err := t.read()
		if err != nil { // it may come back
			if err := t.show(fmt.Appendf(nil, "%s: %v\n", cmp.Or(t.admin.addr, t.addr), err)); err != nil {
				return err
			}
			continue
		}
		if err := t.show(table(was, is)); err != nil {
			return err
		}
		was = is
	}
}

// readKeys ends the view when q is typed, or Ctrl-C, which a raw terminal makes no signal of.
func readKeys(in io.Reader, quit chan<- os.Signal) {
	const ctrlC = 3
	key := make([]byte, 1)
	for {
		if _, err := in.Read(key); err != nil {
			return
		}
		if key[0] == 'q' || key[0] == 'Q' || key[0] == ctrlC {
			quit <- syscall.SIGINT
			return
		}
	}
}

// show writes a table, over the one before if this is a terminal.
func (t *top) show(text []byte) error {
	if t.isRaw {
		const home, clearLine, clearRest = "\x1b[H", "\x1b[K\r\n", "\x1b[J"
		text = append(append([]byte(home), bytes.ReplaceAll(text, []byte("\n"), []byte(clearLine))...), clearRest...)
	}
	_, err := t.out.Write(text)
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// table shows what happened between two readings.
func table(was, is *reading) []byte {
	var b bytes.Buffer
	elapsed := is.at.Sub(was.at)
	fmt.Fprintf(&b, "%s %s on %s, up %v, connections %d now, %d in all\n\n",
		is.service, is.version, is.source, is.uptime, is.current, is.total)
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "REQ/S\tRSP/S\tIN B/S\tOUT B/S\tERR/S\tIN Q\tOUT Q\tCONNS\t  POOL/SERVER")
	for _, p := range is.pools {
		poolWas, serversWas := was.pool(p.name)
		sum, sumWas := make(figures), make(figures)
		for _, s := range p.servers {
			add(sum, s.figures)
			add(sumWas, serversWas[s.name])
		}
		note := ""
		if n := rate(poolWas, p.figures, elapsed, "server_ejects"); n > 0 {
			note = fmt.Sprintf("  %s ejections/s", amount(n))
		}
		row(tw, sumWas, sum, elapsed, rate(poolWas, p.figures, elapsed, "forward_error", "client_err"),
			p.figures["client_connections"], p.name+note)
		for _, s := range p.servers {
			errs := rate(serversWas[s.name], s.figures, elapsed, "server_err", "server_timedout", "server_eof")
			row(tw, serversWas[s.name], s.figures, elapsed, errs, s.figures["server_connections"],
				"  "+s.name+state(s.figures, is.at))
		}
	}
	_ = tw.Flush()
	return b.Bytes()
}

func row(w io.Writer, was, is figures, elapsed time.Duration, errs float64, conns int64, name string) {
	r := func(counter string) string { return amount(rate(was, is, elapsed, counter)) }
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t  %s\n", r("requests"), r("responses"), r("request_bytes"),
		r("response_bytes"), amount(errs), is["in_queue"], is["out_queue"], conns, name)
}

func add(sum, f figures) {
	for name, n := range f {
		sum[name] += n
	}
}

// state says whether a server is ejected or on trial. nutcracker's figures do not tell: of them it says when the server was
// last ejected.
func state(f figures, now time.Time) string {
	since := now.Sub(time.UnixMicro(f["server_ejected_at"])).Truncate(time.Second)
	switch up, told := f["up"]; {
	case told && up == 0:
		return fmt.Sprintf("  ejected for %v", since)
	case told && f["on_trial"] == 1:
		return "  on trial"
	case told || f["server_ejected_at"] == 0:
		return ""
	}
	return fmt.Sprintf("  ejected %v ago", since)
}

// amount is a number in few digits.
func amount(f float64) string {
	switch {
	case f >= 1e10:
		return fmt.Sprintf("%.0fG", f/1e9)
	case f >= 1e7:
		return fmt.Sprintf("%.0fM", f/1e6)
	case f >= 1e5:
		return fmt.Sprintf("%.0fk", f/1e3)
	case f >= 10 || f == 0:
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.1f", f)
}
