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
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"cashew/engine"
)

const defaultStats = "127.0.0.1:22222"

func topCommand() *Command {
	return &Command{
		Name:    "top",
		Args:    "[-c FILE | -p PIDFILE | --admin ADDR | --stats ADDR] [-n SECONDS] [--sort ORDER] [--once]",
		Summary: "a live view of a running proxy, trouble first",
		Help: "Shows requests, errors, times of servers, bytes and queues for each pool and server, per second, from two readings of the admin\n" +
			"pages (" + engine.DefaultAdmin + "; -c, -p or --admin for others). --stats reads a stats port in their place, nutcracker's as well, whose figures are up\n" +
			"to its -i old; it says nothing of times, and not always how a server is. Where neither is given and there are no admin pages at\n" +
			"their usual place, the stats port " + defaultStats + " is read.\n\n" +
			"Keys: t sorts by trouble, r by requests, e by errors, l by latency, n by name; q or Ctrl-C ends it. Where the output is no\n" +
			"terminal, one table follows the other, 80 columns wide.",
		build: func(fs *pflag.FlagSet) action {
			addr := fs.String("stats", "", "host:port or /path of a stats port")
			admin := targetFlags(fs, "")
			interval := fs.Float64P("interval", "n", 1, "seconds between two readings")
			order := fs.String("sort", orders[0], strings.Join(orders, ", "))
			once := fs.Bool("once", false, "show one interval and exit")
			return func(args []string, stdout, stderr io.Writer) error {
				switch {
				case len(args) > 0:
					return fmt.Errorf("%w: it takes no arguments", errUsage)
				case admin.isNamed() && fs.Changed("stats"):
					return fmt.Errorf("%w: either --stats or one of -c, -p and --admin", errUsage)
				case !(*interval >= 0.01 && *interval <= 3600):
					return fmt.Errorf("%w: -n must be from 0.01 to 3600", errUsage)
				case !slices.Contains(orders, *order):
					return fmt.Errorf("%w: --sort must be one of %s", errUsage, strings.Join(orders, ", "))
				}
				if err := admin.find(); errors.Is(err, errNoPages) && admin.stats != "" {
					*addr, admin.addr = admin.stats, ""
				} else if err != nil {
					return err
				}
				t := top{stats: *addr, admin: admin, interval: time.Duration(*interval * float64(time.Second)), out: stdout}
				t.order.Store(int32(slices.Index(orders, *order)))
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
	stats    string // address of the stats port; "": the admin pages are asked
	admin    *pages // without an address, if nobody has said which to ask
	interval time.Duration
	order    atomic.Int32 // index in orders
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
	return t.show(t.table(was, is))
}

// table is a view of what happened between two readings, as wide as there is room for.
func (t *top) table(was, is *reading) []byte {
	v := view{was: was, is: is, width: plainWidth, order: orders[t.order.Load()]}
	if !t.isRaw {
		return v.table()
	}
	v.keys = true
	height := 0
	if out, ok := t.out.(*os.File); ok {
		if w, h, err := term.GetSize(int(out.Fd())); err == nil && w > 0 {
			v.width, height = w, h
		}
	}
	return head(v.table(), height-1)
}

// read asks the admin pages, or the stats port. If nobody has said which, the first answer decides.
func (t *top) read() (*reading, error) {
	timeout := max(t.interval, 5*time.Second)
	if t.stats != "" {
		return readStats(t.stats, timeout)
	}
	chosen := t.admin.addr != ""
	if !chosen {
		t.admin.addr = engine.DefaultAdmin
	}
	var snap json.RawMessage
	err := ask(http.MethodGet, t.admin, "/pools", nil, timeout, &snap)
	if err == nil {
		return parsePools(snap, t.admin.addr)
	}
	if chosen {
		return nil, err
	}
	t.admin.addr, t.stats = "", defaultStats
	r, statsErr := readStats(t.stats, timeout)
	if statsErr != nil {
		t.stats = ""
		return nil, fmt.Errorf("neither admin pages (%w) nor a stats port (%w): --admin or --stats says where else", err, statsErr)
	}
	return r, nil
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
		changed := make(chan struct{}, 1)
		go t.readKeys(os.Stdin, quit, changed)
		return t.loop(quit, changed)
	}
	return t.loop(quit, nil)
}

// loop shows intervals until quit, and what it last showed again, in another order, when that has changed.
func (t *top) loop(quit <-chan os.Signal, changed <-chan struct{}) error {
	was, err := t.read()
	if err != nil {
		return err
	}
	before := was
	ticks := time.NewTicker(t.interval)
	defer ticks.Stop()
	for {
		select {
		case <-quit:
			return nil
		case <-changed:
			if before == was {
				continue // nothing was shown yet
			}
			if err := t.show(t.table(before, was)); err != nil {
				return err
			}
			continue
		case <-ticks.C:
		}
		is, err := t.read()
		if err != nil { // it may come back
			if err := t.show(fmt.Appendf(nil, "%s: %v\n", cmp.Or(t.stats, t.admin.addr), err)); err != nil {
				return err
			}
			continue
		}
		if err := t.show(t.table(was, is)); err != nil {
			return err
		}
		before, was = was, is
	}
}

// readKeys ends the view when q is typed, or Ctrl-C, which a raw terminal makes no signal of, and takes the first letter of an order.
func (t *top) readKeys(in io.Reader, quit chan<- os.Signal, changed chan<- struct{}) {
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
		i := slices.IndexFunc(orders, func(o string) bool { return o[0] == key[0] })
		if i < 0 {
			continue
		}
		t.order.Store(int32(i))
		select {
		case changed <- struct{}{}:
		default: // it is about to be shown
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
