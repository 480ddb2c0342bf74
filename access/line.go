package access

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"sync"
	"time"
)

// lost is of the line that says how many are missing.
type lost struct{ Lost int64 }

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
	buf = buf[:0]
	for i := range l.entries {
		buf = l.appendLine(buf, &l.entries[i])
	}
	if missing := l.of.Lines.dropped.Load() - l.told; missing > 0 {
		l.told += missing
		buf = appendTime(buf, now)
		buf = append(strconv.AppendInt(append(buf, lostField...), missing, 10), "}\n"...)
	}
	return buf
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

// appendLine appends what the access log has of e. What is empty, or 0, is left out, but for durations of what was done.
//
//	{"time":"2026-01-02T15:04:05.678901Z","pool":"cache","client":"10.0.0.5:1042","id":7,"command":"get","keys":1,"result":"ok",
//	 "duration_us":812,"write_us":3,"bytes_in":22,"bytes_out":69,"sample":100,
//	 "servers":[{"server":"10.0.0.1:6379:1","queue_us":41,"server_us":768,"bytes":69}]}
func (l *Lines) appendLine(dst []byte, e *Entry) []byte {
	dst = appendTime(dst, l.time(e.Taken))
	dst = appendText(dst, `,"pool":`, e.Pool)
	dst = appendText(dst, `,"client":`, e.Client)
	dst = appendNumber(dst, `,"id":`, int64(e.ID))
	dst = appendText(dst, `,"user":`, e.User)
	dst = appendText(dst, `,"name":`, e.ClientName)
	dst = appendText(dst, `,"command":`, e.Command)
	dst = appendText(dst, `,"key":`, string(e.Key()))
	dst = appendNumber(dst, `,"keys":`, int64(e.KeysTotal))
	dst = appendText(dst, `,"result":`, e.Result.String())
	dst = appendText(dst, `,"reason":`, e.Failure)
	dst = appendTook(dst, `,"duration_us":`, e.Taken, e.Ended)
	if e.Due != 0 {
		dst = appendTook(dst, `,"write_us":`, e.Due, e.Ended)
	}
	dst = appendNumber(dst, `,"bytes_in":`, int64(e.BytesIn))
	dst = appendNumber(dst, `,"bytes_out":`, int64(e.BytesOut))
	dst = appendNumber(dst, `,"sample":`, int64(e.Sample))
	if e.Spans {
		id := l.of.TraceID(e)
		dst = append(hex.AppendEncode(append(dst, `,"trace_id":"`...), id[:]), '"')
	}
	before := `,"servers":[{"server":`
	for _, a := range e.Servers() {
		dst = appendText(appendQuoted(append(dst, before...), a.Name), `,"addr":`, a.Addr)
		before = `,{"server":`
		if a.Sent != 0 {
			dst = appendTook(dst, `,"queue_us":`, a.Queued, a.Sent)
		}
		if a.Sent != 0 && a.Replied != 0 {
			dst = appendTook(dst, `,"server_us":`, a.Sent, a.Replied)
		}
		dst = appendNumber(dst, `,"bytes":`, int64(a.Bytes))
		dst = append(appendText(dst, `,"reason":`, a.Failure), '}')
	}
	if e.AskedTotal > 0 {
		dst = append(dst, ']')
	}
	if e.AskedTotal > MaxServers {
		dst = appendNumber(dst, `,"servers_total":`, int64(e.AskedTotal))
	}
	return append(dst, "}\n"...)
}

// appendTime begins a line.
func appendTime(dst []byte, at time.Time) []byte {
	dst = append(dst, `{"time":"`...)
	return append(at.UTC().AppendFormat(dst, timeFormat), '"')
}

// appendTook appends a duration in microseconds.
func appendTook(dst []byte, name string, from, to int64) []byte {
	return strconv.AppendInt(append(dst, name...), max(to-from, 0)/int64(time.Microsecond), 10)
}

func appendNumber(dst []byte, name string, n int64) []byte {
	if n == 0 {
		return dst
	}
	return strconv.AppendInt(append(dst, name...), n, 10)
}

func appendText(dst []byte, name, text string) []byte {
	if text == "" {
		return dst
	}
	return appendQuoted(append(dst, name...), text)
}

// appendQuoted appends text as JSON.
func appendQuoted(dst []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			var to bytes.Buffer
			as := json.NewEncoder(&to)
			as.SetEscapeHTML(false)
			_ = as.Encode(text) // there is no text that could not be told
			return append(dst, bytes.TrimSuffix(to.Bytes(), []byte("\n"))...)
		}
	}
	return append(append(append(dst, '"'), text...), '"')
}
