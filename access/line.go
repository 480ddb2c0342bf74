package access

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"sync"
	"time"
)

// line is what the access log has of an Entry. What is empty, or 0, is left out, but for durations of what was done.
//
//	{"time":"2026-01-02T15:04:05.678901Z","pool":"cache","client":"10.0.0.5:1042","id":7,"command":"get","keys":1,"result":"ok",
//	 "duration_us":812,"write_us":3,"bytes_in":22,"bytes_out":69,"sample":100,
//	 "servers":[{"server":"10.0.0.1:6379:1","queue_us":41,"server_us":768,"bytes":69}]}
type line struct {
	Time       string   `json:"time"`
	Pool       string   `json:"pool,omitempty"`
	Client     string   `json:"client,omitempty"`
	ID         uint64   `json:"id,omitempty"`
	User       string   `json:"user,omitempty"`
	Name       string   `json:"name,omitempty"`
	Command    string   `json:"command,omitempty"`
	Key        string   `json:"key,omitempty"`
	Keys       int      `json:"keys,omitempty"`
	Result     string   `json:"result"`
	Reason     string   `json:"reason,omitempty"`
	Duration   int64    `json:"duration_us"`
	Write      *int64   `json:"write_us,omitempty"`
	In         int      `json:"bytes_in,omitempty"`
	Out        int      `json:"bytes_out,omitempty"`
	Sample     int      `json:"sample,omitempty"`
	TraceID    string   `json:"trace_id,omitempty"`
	Servers    []server `json:"servers,omitempty"`
	ServersAll int      `json:"servers_total,omitempty"` // where Servers are only some
}

type server struct {
	Server string `json:"server"`
	Queue  *int64 `json:"queue_us,omitempty"`
	Time   *int64 `json:"server_us,omitempty"`
	Bytes  int    `json:"bytes,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// lost is the line that says how many are missing.
type lost struct {
	Time string `json:"time"`
	Lost int64  `json:"lost"`
}

const lostField = `,"lost":`

// timeFormat is RFC 3339, in UTC.
const timeFormat = "2006-01-02T15:04:05.000000Z"

// Lines makes lines of what the access log is to have.
type Lines struct {
	of      *Log
	time    func(int64) time.Time
	mu      sync.Mutex
	entries []Entry
	told    int64 // of what is dropped, by a line
}

// NewLines returns the lines of l; began says when nanosecond n of the process was.
func NewLines(l *Log, began func(n int64) time.Time) *Lines { return &Lines{of: l, time: began} }

// Wakes has f called when many entries wait; see Queue.Wakes.
func (l *Lines) Wakes(f func()) { l.of.Lines.Wakes(f) }

// Take returns what is kept, in whole lines, in the place of buf. If entries were lost since the last time, the last line says how many.
func (l *Lines) Take(buf []byte, now time.Time) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = l.of.Lines.Take(l.entries)
	to := bytes.NewBuffer(buf[:0])
	as := json.NewEncoder(to)
	as.SetEscapeHTML(false)
	for i := range l.entries {
		_ = as.Encode(l.line(&l.entries[i])) // there is nothing that could not be told
	}
	if missing := l.of.Lines.dropped.Load() - l.told; missing > 0 {
		l.told += missing
		_ = as.Encode(lost{now.UTC().Format(timeFormat), missing})
	}
	return to.Bytes()
}

// Lose counts lines that were taken and are not written. Of those that such a line says are missing, the next says so.
func (l *Lines) Lose(lines []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for text := range bytes.Lines(lines) {
		var of lost
		if bytes.Contains(text, []byte(lostField)) && json.Unmarshal(text, &of) == nil && of.Lost > 0 {
			l.told -= of.Lost
			continue
		}
		l.of.Lines.Lose(1)
	}
}

func (l *Lines) line(e *Entry) *line {
	v := &line{
		Time: l.time(e.Taken).UTC().Format(timeFormat), Pool: e.Pool, Client: e.Client, ID: e.ID, User: e.User, Name: e.ClientName,
		Command: e.Command, Key: string(e.Key()), Keys: e.KeysTotal, Result: e.Result.String(), Reason: e.Failure,
		Duration: usec(e.Ended - e.Taken), In: e.BytesIn, Out: e.BytesOut, Sample: e.Sample,
	}
	if e.Due != 0 {
		v.Write = between(e.Due, e.Ended)
	}
	if e.Spans {
		id := l.of.TraceID(e)
		v.TraceID = hex.EncodeToString(id[:])
	}
	if e.AskedTotal > MaxServers {
		v.ServersAll = e.AskedTotal
	}
	for _, a := range e.Servers() {
		s := server{Server: a.Name, Bytes: a.Bytes, Reason: a.Failure}
		if a.Sent != 0 {
			s.Queue = between(a.Queued, a.Sent)
		}
		if a.Sent != 0 && a.Replied != 0 {
			s.Time = between(a.Sent, a.Replied)
		}
		v.Servers = append(v.Servers, s)
	}
	return v
}

func usec(nanos int64) int64 { return max(nanos, 0) / int64(time.Microsecond) }

func between(from, to int64) *int64 { return new(usec(to - from)) }
