package logging

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestRecent: what happened is remembered, whatever the level of the log, and what happens often does not displace what is rare.
func TestRecent(t *testing.T) {
	var out bytes.Buffer
	h := NewRecent(NewHandler(&out, slog.LevelError))
	log := slog.New(h)
	log.Debug("detail")
	log.Info("server answers again", "pool", "p", "server", "s", "live", 3)
	log.With("pool", "q").WithGroup("g").With("a", 1).Warn("closing a client", "err", fmt.Errorf("a b"))
	log.Error("panic", "stack", strings.Repeat("é", maxMore))
	if got := strings.Count(out.String(), "\n"); got != 1 || !strings.Contains(out.String(), "panic") {
		t.Errorf("the log is %q; want the error alone", &out)
	}
	got := h.Events()
	if len(got) != 3 || got[2].Text != "server answers again" || got[2].Pool != "p" || got[2].Server != "s" || got[2].More != "live=3" || got[2].Level != "info" || got[2].At.IsZero() {
		t.Fatalf("events %+v", got)
	}
	if e := got[1]; e.Pool != "q" || e.More != `g.a=1 g.err="a b"` || e.Level != "warn" {
		t.Errorf("%+v", e)
	}
	if e := got[0]; len(e.More) > maxMore || e.Level != "error" {
		t.Errorf("%d bytes of attributes, level %s", len(e.More), e.Level)
	}

	for i := range 10 * maxEvents {
		log.Warn("often", "n", i)
	}
	got = h.Events()
	if len(got) != 3+maxOfKind || got[0].More != fmt.Sprint("n=", 10*maxEvents-1) || got[len(got)-1].Text != "server answers again" {
		t.Errorf("%d events, first %+v, last %+v", len(got), got[0], got[len(got)-1])
	}
	for i := range 2 * maxEvents {
		log.Log(t.Context(), LevelAlways, fmt.Sprint("another", i))
	}
	if got = h.Events(); len(got) != maxEvents || got[0].Level != "notice" || got[maxEvents-1].Text != fmt.Sprint("another", maxEvents) {
		t.Errorf("%d events, first %+v, last %+v", len(got), got[0], got[len(got)-1])
	}
}
