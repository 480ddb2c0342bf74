//go:build unix

package faults

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What can be wrong with how a request ended.
const (
	crossed    = "crossed"    // the reply is not this request's: another key, client, sequence, token or type
	unanswered = "unanswered" // no reply in answerTime, and no close
	closed     = "closed"     // the connection was closed without need
	surprising = "surprising" // an error that no fault explains
)

// tally is what happened in one run, on all pools.
type tally struct {
	requests atomic.Int64

	mu      sync.Mutex
	faults  map[string]int
	errors  map[string]int // replies that are errors, by text
	wrong   map[string]int
	told    []string // the first of the wrong
	slowest time.Duration
	rssMax  int // bytes
	fdsMax  int
}

func newTally() *tally {
	return &tally{faults: map[string]int{}, errors: map[string]int{}, wrong: map[string]int{}}
}

func (t *tally) fault(kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults[kind]++
}

func (t *tally) error(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.errors[text]++
}

func (t *tally) took(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.slowest = max(t.slowest, d)
}

// report notes that something is wrong.
func (t *tally) report(kind, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wrong[kind]++
	if len(t.told) < 20 {
		t.told = append(t.told, kind+": "+fmt.Sprintf(format, args...))
	}
}

func (t *tally) broken() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.wrong) > 0
}

// check fails the test if anything was wrong.
func (t *tally) check(tb testing.TB) {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, line := range t.told {
		tb.Error(line)
	}
	if len(t.wrong) > 0 {
		tb.Errorf("wrong with -faults.seed=%d: %s", *seedFlag, counts(t.wrong))
	}
}

// sample notes how large the proxy is.
func (t *tally) sample(p *proxy) {
	rss, fds := p.Status("VmRSS")<<10, p.Descriptors()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rssMax, t.fdsMax = max(t.rssMax, rss), max(t.fdsMax, fds)
}

func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("requests %d; faults %s; errors %s; crossed %d, unanswered %d, closed %d, surprising %d; slowest batch %v; "+
		"RSS max %d MiB; fds max %d", t.requests.Load(), counts(t.faults), counts(t.errors), t.wrong[crossed],
		t.wrong[unanswered], t.wrong[closed], t.wrong[surprising], t.slowest.Round(time.Millisecond), t.rssMax>>20, t.fdsMax)
}

// counts prints a total and what it is made of.
func counts(m map[string]int) string {
	total := 0
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		total += m[k]
		parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
	}
	return fmt.Sprintf("%d (%s)", total, strings.Join(parts, ", "))
}
