package stats

import (
	"bytes"
	"cmp"
	"slices"
)

// Mirror is what one loop counts of a pool's mirror.
type Mirror struct {
	Copies      int64 // that were sent
	Outstanding int64 // bytes of those that are not answered, now
	Errors      int64 // that were answered with an error
	Lost        int64 // that were sent and not answered

	// Copies that were not sent: as the budget was outstanding, memory was short, or the server could not be reached.
	OverBudget, ShortOfMemory, Unreachable int64

	Skips MirrorSkips

	Compared    Comparisons
	differences map[difference]*MirrorDifference
}

// Comparisons are what became of reads that were compared.
type Comparisons struct {
	Same      int64 `json:"same"`
	Settled   int64 `json:"settled"` // of those, the ones that were the same when asked again
	Different int64 `json:"different"`

	Unsettled  int64 `json:"unsettled"`  // that went on changing
	Unchecked  int64 `json:"unchecked"`  // that differed and were not asked again, as too many others were just then
	Unanswered int64 `json:"unanswered"` // by one, or both
}

// MirrorDifference is how often reads by a command, of keys with a prefix, differed.
type MirrorDifference struct {
	Command string   `json:"command"`
	Prefix  string   `json:"prefix"` // of the keys: up to their first colon, "" if they have none
	Times   int64    `json:"times"`
	Keys    []string `json:"keys"` // a few of them
}

// difference tells them apart.
type difference struct{ command, prefix string }

// Of differences so many are told apart, and of each so many keys are kept; a prefix is no longer than that.
const (
	maxDifferences    = 256
	maxDifferentKeys  = 5
	maxDifferentBytes = 32
)

// Differ notes that a read of key differed.
func (m *Mirror) Differ(command string, key []byte) {
	key = key[:min(len(key), MaxShownKey)]
	i := bytes.IndexByte(key[:min(len(key), maxDifferentBytes)], ':')
	of := difference{command, string(key[:i+1])}
	if m.differences == nil {
		m.differences = make(map[difference]*MirrorDifference)
	}
	if m.differences[of] == nil && len(m.differences) >= maxDifferences {
		of = difference{OtherCommand, ""}
	}
	m.differ(of, 1, string(key))
}

// differ adds to a difference.
func (m *Mirror) differ(of difference, times int64, keys ...string) {
	d := m.differences[of]
	if d == nil {
		d = &MirrorDifference{Command: of.command, Prefix: of.prefix}
		m.differences[of] = d
	}
	d.Times += times
	for _, key := range keys {
		if len(d.Keys) < maxDifferentKeys && !slices.Contains(d.Keys, key) {
			d.Keys = append(d.Keys, key)
		}
	}
}

// clone is a copy that shares nothing with m.
func (m *Mirror) clone() *Mirror {
	if m == nil {
		return nil
	}
	c := *m
	c.differences = make(map[difference]*MirrorDifference)
	for of, d := range m.differences { // in no order: a copy
		c.differ(of, d.Times, d.Keys...)
	}
	return &c
}

// MirrorSkips are commands that do not only read, and are never mirrored.
type MirrorSkips struct {
	Transactions, Blocking int64
	Keyless                int64 // without a key, such as FLUSHALL, and a script
	Apart                  int64 // whose keys are together here, and not there
}

// MirrorTally is where t counts of its pool's mirror.
func (t *ClientTally) MirrorTally() *Mirror {
	if t.Mirror == nil {
		t.Mirror = new(Mirror)
	}
	return t.Mirror
}

// PoolMirror is what became of a pool's mirror on all loops.
type PoolMirror struct {
	Pool        string           `json:"pool"`
	Copies      int64            `json:"copies"`
	Outstanding int64            `json:"outstanding_bytes"` // now
	Errors      int64            `json:"errors"`
	Lost        int64            `json:"lost"`
	Dropped     map[string]int64 `json:"dropped"` // by reason
	Skipped     map[string]int64 `json:"skipped"` // by reason

	Compared    Comparisons        `json:"compared"`
	Differences []MirrorDifference `json:"differences"` // most first

	Ramp  float64 `json:"ramp"`          // share of the keys whose reads the mirror answers, now
	Backs int64   `json:"backs"`         // how often reads went back by themselves
	Why   string  `json:"why,omitempty"` // they did the last time, if they have not been let go on since
}

// NewPoolMirror is one of which nothing is counted yet; pool is what the mirror is.
func NewPoolMirror(pool string) *PoolMirror {
	m := &PoolMirror{Pool: pool, Dropped: make(map[string]int64), Skipped: make(map[string]int64), Differences: []MirrorDifference{}}
	m.add(new(Mirror))
	return m
}

// add adds what one loop counted.
func (m *PoolMirror) add(t *Mirror) {
	m.Copies += t.Copies
	m.Outstanding += t.Outstanding
	m.Errors += t.Errors
	m.Lost += t.Lost
	m.Dropped["budget"] += t.OverBudget
	m.Dropped["memory"] += t.ShortOfMemory
	m.Dropped["unreachable"] += t.Unreachable
	m.Skipped["transaction"] += t.Skips.Transactions
	m.Skipped["blocking"] += t.Skips.Blocking
	m.Skipped["no_key"] += t.Skips.Keyless
	m.Skipped["keys_apart"] += t.Skips.Apart
	m.Compared.Same += t.Compared.Same
	m.Compared.Settled += t.Compared.Settled
	m.Compared.Different += t.Compared.Different
	m.Compared.Unsettled += t.Compared.Unsettled
	m.Compared.Unchecked += t.Compared.Unchecked
	m.Compared.Unanswered += t.Compared.Unanswered
	all := Mirror{differences: make(map[difference]*MirrorDifference)}
	for _, d := range m.Differences {
		all.differ(difference{d.Command, d.Prefix}, d.Times, d.Keys...)
	}
	for of, d := range t.differences { // in no order: added up
		all.differ(of, d.Times, d.Keys...)
	}
	m.Differences = m.Differences[:0]
	for _, d := range all.differences { // in no order: sorted below
		m.Differences = append(m.Differences, *d)
	}
	slices.SortFunc(m.Differences, func(a, b MirrorDifference) int {
		return cmp.Or(cmp.Compare(b.Times, a.Times), cmp.Compare(a.Command, b.Command), cmp.Compare(a.Prefix, b.Prefix))
	})
}
