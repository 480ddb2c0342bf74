package daemon

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"cashew/audit"
)

// lineRig is an lineWriter, and what was recorded for it.
type lineRig struct {
	*testing.T
	lineWriter
	path   string
	events *audit.Log
	n      int // events
}

func newLineRig(t *testing.T) *lineRig {
	r := &lineRig{T: t, path: t.TempDir() + "/audit", events: new(audit.Log)}
	r.lineWriter = lineWriter{log: slog.New(slog.DiscardHandler), from: r.events, file: &lineFile{}, patience: time.Millisecond}
	r.events.Set(&audit.Policy{Kinds: audit.Admin})
	t.Cleanup(func() { r.use(&lineFile{}) })
	return r
}

func (r *lineRig) open() {
	f, err := openLines(r.path)
	if err != nil {
		r.Fatal(err)
	}
	r.use(f)
}

// record has n more events be written, as far as they can.
func (r *lineRig) record(n int) {
	for range n {
		r.n++
		r.events.Record(audit.Admin, &audit.Event{At: time.Now(), Name: "reload", Result: fmt.Sprintf("number %04d %s", r.n, strings.Repeat("x", r.n%200))})
	}
	r.put(r.from.Take(nil, time.Now()))
}

// wantAll wants text to be whole lines that, with those of which it says that they are missing, are all events.
func (r *lineRig) wantAll(text string) {
	r.Helper()
	events := 0
	for line := range strings.Lines(text) {
		var e struct {
			Event string
			Count int
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || !strings.HasSuffix(line, "\n") {
			r.Fatalf("%q: %v", line, err)
		}
		if e.Event == "lost" {
			events += e.Count
		} else {
			events++
		}
	}
	if _, _, dropped := r.events.Counts(); events != r.n || dropped == 0 {
		r.Errorf("the lines are %d events; want %d, of which %d were dropped", events, r.n, dropped)
	}
}

// TestAuditOfSlowPipe: a reader of a FIFO that takes little, and now and then nothing, has whole lines, and knows how many it has not.
func TestAuditOfSlowPipe(t *testing.T) {
	r := newLineRig(t)
	if err := syscall.Mkfifo(r.path, 0o600); err != nil {
		t.Skip(err)
	}
	r.open()
	r.record(10) // without a reader
	reader, err := syscall.Open(r.path, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(reader)
	var text strings.Builder
	buf := make([]byte, 7001)
	read := func() { // what is there, without waiting
		n, _ := syscall.Read(reader, buf)
		text.Write(buf[:max(n, 0)])
	}
	for range 30 {
		r.record(300)
		if r.n%900 == 10 {
			read()
		}
	}
	for {
		before := text.Len()
		r.put(r.from.Take(nil, time.Now()))
		if read(); text.Len() == before {
			break
		}
	}
	r.wantAll(text.String())
}

// TestAuditCut: a line that was cut as the disk was full goes on once there is room; in a file that was emptied meanwhile nothing is left of it.
func TestAuditCut(t *testing.T) {
	for _, emptied := range []bool{false, true} {
		r := newLineRig(t)
		r.open()
		r.record(2)
		line := `{"event":"reload","result":"cut"}` + "\n"
		if _, err := r.file.f.WriteString(line[:9]); err != nil { // as much as there was room for
			t.Fatal(err)
		}
		r.cut, r.cutAt, r.cutEnd = []byte(line), 9, r.size()
		r.n++
		if emptied {
			if err := os.Truncate(r.path, 0); err != nil {
				t.Fatal(err)
			}
			r.n -= 2
		} else {
			r.from.Lose([]byte(line))
			r.n++
		}
		r.record(1)
		r.record(1) // and what says how many are missing
		text, err := os.ReadFile(r.path)
		if err != nil {
			t.Fatal(err)
		}
		r.wantAll(string(text))
	}
}

// TestAuditAfterFull: what could not be written for long is counted, all of it, once it can.
func TestAuditAfterFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full")
	}
	r := newLineRig(t)
	full, err := openLines("/dev/full")
	if err != nil {
		t.Fatal(err)
	}
	r.use(full)
	for range 5 {
		r.record(100)
	}
	r.open()
	r.record(1)
	text, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	r.wantAll(string(text))
}
