package admin

import (
	"context"
	"net"
	"testing"
	"time"

	"cashew/codec/work"
	"cashew/stats"
)

// moment is a snapshot so many seconds after the start: of pool p with servers a and b, of which a has so many requests, and that took so long.
func moment(seconds int, requests int64, took time.Duration) *stats.Snapshot {
	a := stats.Server{Name: "a", Requests: requests, KeyspaceHits: requests / 2, KeyspaceMisses: requests / 4, ServerErr: requests / 100}
	a.Latency[work.Read].Server.Add(took, requests)
	a.Latency[work.Write].Queue.Add(time.Microsecond, requests)
	p := stats.Pool{Name: "p", Live: 2, ForwardError: requests / 10, LocalCommands: requests / 5, ReplyBytesToClients: 10 * requests, Servers: []stats.Server{a, {Name: "b"}}}
	return &stats.Snapshot{At: time.Unix(1000+int64(seconds), 0), Worked: []int64{int64(seconds) * 250_000, 0}, Pools: []stats.Pool{p}}
}

func TestHistory(t *testing.T) {
	var h history
	if got := h.told(""); len(got.Samples) != 0 || got.Samples == nil {
		t.Errorf("at first %+v", got)
	}
	h.add(moment(0, 0, time.Millisecond))
	h.add(moment(5, 1000, time.Millisecond))
	h.add(moment(5, 1000, time.Millisecond)) // the same, which somebody else had asked for
	got := h.told("p").Samples
	if len(got) != 1 || len(got[0].Busy) != 2 || got[0].Busy[0] != 0.25 || got[0].Busy[1] != 0 {
		t.Fatalf("%+v; want one sample, and a loop that is busy for a quarter of its time", got)
	}
	p := got[0].Pools["p"]
	if p.Requests != 200 || p.Servers["a"] != 200 || p.Servers["b"] != 0 || p.Failures != 2 || p.Errors != 20 || p.Local != 40 || p.Out != 2000 || p.Hits != 100 || p.Misses != 50 || p.Live != 2 ||
		p.Classes != [work.Classes]float64{work.Read: 200} || p.Server == nil || p.Server.P50 != 1024 || p.Server.P99 != 1024 || p.Queue == nil || p.WriteBack != nil {
		t.Errorf("%+v", p)
	}
	if other := h.told("q").Samples; len(other) != 1 || len(other[0].Pools) != 0 {
		t.Errorf("of a pool that there is not: %+v", other)
	}

	h.add(moment(10, 10, time.Second)) // a reload has the pool anew
	if p := h.told("").Samples[1].Pools["p"]; p.Requests != 0 || len(p.Servers) != 1 || p.Errors != 0 || p.Server != nil {
		t.Errorf("of one that counts anew: %+v", p)
	}
	anew := moment(15, 0, 0)
	anew.Pools[0].Servers[0].Latency[work.Read].Server = stats.Histogram{}
	anew.Pools = append(anew.Pools, stats.Pool{Name: "new"})
	h.add(anew)
	if got := h.told("").Samples[2].Pools; got["p"] == nil || got["new"] != nil {
		t.Errorf("of a pool that is new nothing is known: %+v", got)
	}

	for i := range 200 {
		h.add(moment(20+5*i, int64(i)*1000, 2*time.Millisecond))
	}
	got = h.told("").Samples
	if n := len(got); n != 121 || got[n-1].At.Sub(got[0].At) != historySpan {
		t.Errorf("%d samples from %v to %v; want ten minutes", n, got[0].At, got[len(got)-1].At)
	}
	minute := got[len(got)-1].At.Add(-trafficSpan)
	for _, s := range got {
		if had := s.Pools["p"].Servers != nil; had != !s.At.Before(minute) || s.Pools["p"].Requests != 200 {
			t.Fatalf("%v before the last: servers %v, %v requests", got[len(got)-1].At.Sub(s.At), had, s.Pools["p"].Requests)
		}
	}
}

// TestHistoryRuns: who serves looks by himself, and stops with the pages.
func TestHistoryRuns(t *testing.T) {
	r := newRig()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.Serve(ln) }()
	deadline := time.Now().Add(30 * time.Second)
	for looked := false; !looked; {
		r.history.mu.Lock()
		looked = r.history.last != nil
		r.history.mu.Unlock()
		if time.Now().After(deadline) {
			t.Fatal("nobody looks")
		}
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r.Close(ctx)
	if err := <-done; err != nil {
		t.Error(err)
	}
	select {
	case <-r.history.over:
	default:
		t.Error("it goes on")
	}
}

func TestEvents(t *testing.T) {
	r := newRig()
	if w := r.do("GET", "/events"); w.Body.String() != "[]\n" {
		t.Errorf("where nobody knows: %s", w.Body)
	}
	r.src.Events = func() []Event {
		return []Event{{At: time.Unix(2, 0).UTC(), Level: "warn", Text: "server ejected", Pool: "p", Server: "s", More: "live=1"}, {At: time.Unix(1, 0).UTC(), Level: "info", Text: "start"}}
	}
	const want = `[{"at":"1970-01-01T00:00:02Z","level":"warn","text":"server ejected","pool":"p","server":"s","more":"live=1"}]` + "\n"
	if w := r.do("GET", "/events?n=1"); w.Body.String() != want {
		t.Errorf("/events?n=1 = %s", w.Body)
	}
	if w := r.do("GET", "/events?n=0"); w.Code != 400 {
		t.Errorf("/events?n=0: %d", w.Code)
	}
}
