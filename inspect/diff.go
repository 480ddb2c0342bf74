package inspect

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"cashew/configs"
	"cashew/engine"
	"cashew/stats"
)

func diffCommand() *Command {
	return &Command{
		Name:    "diff",
		Args:    "[--admin ADDR] [--json] OLD NEW",
		Summary: "the share of keys that would move between two configuration files",
		Help: "Compares where two configuration files put keys, pool by pool, and shows the share of all keys that would move,\n" +
			"from which server to which. A server is its address: one that only changes its name moves nothing by that, but a\n" +
			"name decides about keys. Equal hashes are compared over the whole hash space; others, and crc16, by random keys,\n" +
			"and then it says so. With --admin the hot keys of a running proxy that has OLD are looked up, too.\n" +
			"Exit status 0, however much moves; 1 if a file has mistakes.",
		build: func(fs *pflag.FlagSet) action {
			admin := pagesFlags(fs, "", adminUsage+", for its hot keys")
			asJSON := fs.Bool("json", false, "print JSON")
			return func(args []string, stdout, stderr io.Writer) error {
				if len(args) != 2 {
					return fmt.Errorf("%w: which OLD and NEW?", errUsage)
				}
				d, err := diff(args[0], args[1], stderr)
				if err != nil {
					return err
				}
				if admin.addr != "" {
					if err := d.weigh(admin); err != nil {
						return err
					}
				}
				if *asJSON {
					return writeJSON(stdout, d.Pools)
				}
				d.print(stdout)
				return nil
			}
		},
	}
}

// difference is what diff finds.
type difference struct {
	Pools    []poolDifference
	old, new placements
}

type poolDifference struct {
	Pool     string           `json:"pool"`
	Change   string           `json:"change"`             // "added", "removed" or "kept"
	Movement *movement        `json:"movement,omitempty"` // of the keys that have none of the prefixes below
	Routes   []routedMovement `json:"routes,omitempty"`
	Writes   string           `json:"writes,omitempty"`  // whether other pools are written to as well than before
	Besides  []string         `json:"besides,omitempty"` // what else other pools get or answer than before
	Traffic  *traffic         `json:"traffic,omitempty"`
}

// traffic is what a proxy's hot keys say about a movement.
type traffic struct {
	Keys      int            `json:"keys"` // that are hot and were looked up
	Cut       int            `json:"cut"`  // that are hot, but known only in part, since they are long
	Requests  int64          `json:"requests"`
	MovedKeys int            `json:"moved_keys"`
	Moved     int64          `json:"moved_requests"`
	Top       []movedTraffic `json:"top"` // the hottest first
}

type movedTraffic struct {
	Key      string `json:"key"`
	From     string `json:"from"`
	To       string `json:"to"`
	Requests int64  `json:"requests"`
}

// diff compares two files. Their mistakes go to stderr.
func diff(oldPath, newPath string, stderr io.Writer) (*difference, error) {
	was, err := loadPlacements(oldPath, stderr)
	if err != nil {
		return nil, err
	}
	is, err := loadPlacements(newPath, stderr)
	if err != nil {
		return nil, err
	}
	d := &difference{old: byName(was), new: byName(is)}
	for _, p := range was {
		q := d.new[p.opts.Name]
		if q == nil {
			d.Pools = append(d.Pools, poolDifference{Pool: p.opts.Name, Change: "removed"})
			continue
		}
		m := compare(d.old.home(p.opts.Name, ""), d.new.home(p.opts.Name, ""))
		routes := routedMovements(d.old, d.new, p.opts.Name)
		d.Pools = append(d.Pools, poolDifference{Pool: p.opts.Name, Change: "kept", Movement: &m, Routes: routes, Writes: writes(p.opts, q.opts), Besides: besides(p.opts, q.opts)})
	}
	for _, q := range is {
		if d.old[q.opts.Name] == nil {
			d.Pools = append(d.Pools, poolDifference{Pool: q.opts.Name, Change: "added"})
		}
	}
	return d, nil
}

// writes says whether what is written to a pool goes to another one as well than before, or is told by another rule; "": neither.
func writes(was, is *engine.PoolOptions) string {
	of := func(o *engine.PoolOptions) string {
		if o.Dual.Pool == "" {
			return "this pool alone"
		}
		return "pool " + o.Dual.Pool + " as well, answer=" + o.Dual.Answer.String()
	}
	if was.Dual == is.Dual {
		return ""
	}
	return "what is written goes to " + of(is) + " (before: to " + of(was) + ")"
}

// besides says what other pools get of a pool, or answer in its place, by lines of the file that are others than before.
func besides(was, is *engine.PoolOptions) (lines []string) {
	of := func(o *engine.PoolOptions, key string) string {
		pool := configs.Effective(&engine.Options{Pools: []engine.PoolOptions{*o}})[o.Name].(configs.Section)
		if line, ok := pool[key].(string); ok {
			return line
		}
		return "none"
	}
	for _, key := range []string{"failover", "miss", "mirror"} {
		if before, now := of(was, key), of(is, key); before != now {
			lines = append(lines, key+" is "+now+" (before: "+before+")")
		}
	}
	return lines
}

// loadPlacements reads a file. Its mistakes go to stderr, and then the error is errFound.
func loadPlacements(path string, stderr io.Writer) ([]*placement, error) {
	f, err := configs.Load(path)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return nil, errFound
	}
	if err := find(f, stderr); err != nil {
		return nil, err
	}
	var all []*placement
	for i := range f.Options.Pools {
		p, err := newPlacement(&f.Options.Pools[i])
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func byName(all []*placement) placements {
	m := make(placements)
	for _, p := range all {
		m[p.opts.Name] = p
	}
	return m
}

const (
	maxShownMoves = 10 // of a pool's hot keys
	maxShownKey   = 64 // bytes of a key that a proxy keeps: one as long as that may be longer
)

// weigh looks up where the hot keys of the proxy at admin would go.
func (d *difference) weigh(admin *pages) error {
	var keys struct{ Hot []stats.HotKey }
	if err := ask(http.MethodGet, admin, "/hotkeys", url.Values{"n": {"1000"}}, patience, &keys); err != nil {
		return err
	}
	for i := range d.Pools {
		if p := &d.Pools[i]; p.Movement != nil {
			p.Traffic = weigh(keys.Hot, d.old, d.new, p.Pool)
		}
	}
	return nil
}

func weigh(hot []stats.HotKey, was, is placements, pool string) *traffic {
	t := &traffic{}
	for _, k := range hot {
		if k.Pool != pool {
			continue
		}
		p, q := was.home(pool, k.Key), is.home(pool, k.Key)
		if placeless(p) || placeless(q) {
			continue
		}
		if len(k.Key) >= maxShownKey {
			t.Cut++
			continue
		}
		t.Keys++
		t.Requests += k.Requests
		a, b := p.ring.Dispatch([]byte(k.Key)), q.ring.Dispatch([]byte(k.Key))
		if p.isSame(a, q, b) {
			continue
		}
		t.MovedKeys++
		t.Moved += k.Requests
		t.Top = append(t.Top, movedTraffic{k.Key, p.pname(a), q.pname(b), k.Requests})
	}
	slices.SortStableFunc(t.Top, func(a, b movedTraffic) int { return cmp.Compare(b.Requests, a.Requests) })
	t.Top = t.Top[:min(len(t.Top), maxShownMoves)]
	return t
}

func (d *difference) print(w io.Writer) {
	for _, p := range d.Pools {
		m, others := p.Movement, ""
		if len(p.Routes) > 0 {
			others = "other "
		}
		switch {
		case m == nil:
			fmt.Fprintf(w, "pool %s: %s\n", p.Pool, p.Change)
			continue
		case m.Method == methodNone:
			fmt.Fprintf(w, "pool %s: %s\n", p.Pool, m.Note)
			continue
		case m.Share == 0:
			fmt.Fprintf(w, "pool %s: no %skey moves (%s)\n", p.Pool, others, m.Method)
		default:
			fmt.Fprintf(w, "pool %s: %s of the %skeys move (%s)\n", p.Pool, percent(m.Share), others, m.Method)
		}
		if m.Note != "" {
			fmt.Fprintf(w, "  note: %s\n", m.Note)
		}
		printFlows(w, m.Flows)
		for _, line := range p.Besides {
			fmt.Fprintf(w, "  %s\n", line)
		}
		if p.Writes != "" {
			fmt.Fprintf(w, "  %s\n", p.Writes)
		}
		for i := range p.Routes {
			p.Routes[i].print(w)
		}
		if p.Traffic != nil {
			p.Traffic.print(w)
		}
	}
}

func printFlows(w io.Writer, flows []flow) {
	if len(flows) == 0 {
		return
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "  FROM\tTO\tSHARE")
	for _, f := range flows {
		fmt.Fprintf(tw, "  %s\t%s\t%s\n", f.From, f.To, percent(f.Share))
	}
	_ = tw.Flush()
}

func (t *traffic) print(w io.Writer) {
	if t.Keys == 0 {
		fmt.Fprintln(w, "  live: no hot keys")
	} else {
		fmt.Fprintf(w, "  live: %d of %s move, with %s of their %s\n",
			t.MovedKeys, count(t.Keys, "hot key"), percent(float64(t.Moved)/float64(max(1, t.Requests))), count(int(t.Requests), "request"))
	}
	if t.Cut > 0 {
		fmt.Fprintf(w, "  live: %s of %d bytes or more left out\n", count(t.Cut, "hot key"), maxShownKey)
	}
	if len(t.Top) == 0 {
		return
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "  KEY\tFROM\tTO\tREQUESTS")
	for _, m := range t.Top {
		fmt.Fprintf(tw, "  %q\t%s\t%s\t%d\n", m.Key, m.From, m.To, m.Requests)
	}
	_ = tw.Flush()
}

func percent(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) }

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
