package daemon

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"cashew/regular"
)

// lineLog writes the audit log, or the access log: one goroutine, for which nobody waits. What can't be written is dropped and counted, and
// the log says so once, and once more when it can.
type lineLog struct {
	name  string // what it is
	log   *slog.Logger
	from  lineSource      // set by run
	sum   func(time.Time) // is called once a second, and at the end; nil: there is nothing to sum
	early chan struct{}
	end   chan struct{}
	ended chan struct{}

	mu   sync.Mutex
	next *lineFile // in place of the one in use; nil: that goes on
}

// lineSource has the lines: an audit.Log, or an access.Lines.
type lineSource interface {
	Wakes(f func())
	Take(buf []byte, now time.Time) []byte
	Lose(lines []byte)
}

// lineFile is where its lines go.
type lineFile struct {
	path string   // "": nowhere
	f    *os.File // nil: a FIFO that nobody reads; it is opened again
}

const (
	linesInterval = 500 * time.Millisecond
	// linesPatience is how long a reader of a pipe may take no bytes, and the end of the process wait for the last lines.
	linesPatience = time.Second
)

func newLineLog(name string, log *slog.Logger) *lineLog {
	return &lineLog{name: name, log: log, early: make(chan struct{}, 1), end: make(chan struct{}), ended: make(chan struct{})}
}

// openLines opens path to append to it. A FIFO without a reader is no mistake: there may be one later. The error has no path.
func openLines(path string) (*lineFile, error) {
	if path == "" {
		return &lineFile{}, nil
	}
	if err := regular.Appendable(path); err != nil { // a socket, too, is opened with ENXIO, and some devices do something
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOCTTY|unix.O_NONBLOCK, 0o600)
	if err != nil && !errors.Is(err, unix.ENXIO) {
		return nil, systemError(err)
	}
	return &lineFile{path: path, f: f}, nil
}

func (a *lineFile) close() {
	if a.f != nil {
		_ = a.f.Close()
	}
}

// use has the lines go to another file, from the next write on.
func (a *lineLog) use(f *lineFile) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.next != nil {
		a.next.close()
	}
	a.next = f
}

// take is the file that is to be used now, where it is another.
func (a *lineLog) take() *lineFile {
	a.mu.Lock()
	defer a.mu.Unlock()
	next := a.next
	a.next = nil
	return next
}

// run begins to write what from has.
func (a *lineLog) run(from lineSource) {
	a.from = from
	from.Wakes(func() {
		select {
		case a.early <- struct{}{}:
		default:
		}
	})
	go a.write()
}

// close writes what is left, if that does not take long.
func (a *lineLog) close() {
	if a == nil || a.from == nil {
		return
	}
	close(a.end)
	select {
	case <-a.ended:
	case <-time.After(2 * linesPatience):
	}
}

func (a *lineLog) write() {
	defer close(a.ended)
	ticker := time.NewTicker(linesInterval)
	defer ticker.Stop()
	w := lineWriter{name: a.name, log: a.log, from: a.from, file: &lineFile{}, patience: linesPatience}
	defer func() { w.use(&lineFile{}) }()
	var lines []byte
	for last, ticks := false, 0; !last; {
		select {
		case <-ticker.C:
			ticks++
		case <-a.early:
		case <-a.end:
			last = true
		}
		next := a.take()
		if next != nil && w.file.path == "" {
			w.use(next)
			next = nil
		}
		if a.sum != nil && (last || ticks%2 == 0) {
			a.sum(time.Now())
		}
		if lines = a.from.Take(lines, time.Now()); len(lines) > 0 {
			w.put(lines) // to the file that was in use as they came
		}
		if next != nil {
			w.use(next)
		}
	}
}

// lineWriter is what the goroutine knows of its file.
type lineWriter struct {
	name     string
	log      *slog.Logger
	from     lineSource
	file     *lineFile
	failed   bool          // the last write did, and the log has it
	patience time.Duration // with a pipe whose reader takes nothing

	cut    []byte // the line of which the file has the beginning alone; nil: none
	cutAt  int    // how much of it
	cutEnd int64  // where the file ended then, if it is one of a disk
}

// use has w write to another file.
func (w *lineWriter) use(f *lineFile) {
	w.forget()
	w.file.close()
	w.file = f
}

// forget gives up the line that was cut.
func (w *lineWriter) forget() {
	w.from.Lose(w.cut)
	w.cut = nil
}

// put writes lines, or says that they are lost.
func (w *lineWriter) put(lines []byte) {
	if w.file.path == "" {
		w.from.Lose(lines)
		return
	}
	if w.file.f == nil {
		if again, err := openLines(w.file.path); err == nil {
			w.file = again
		}
	}
	err := error(unix.ENXIO)
	if w.file.f != nil {
		lines, err = w.append(lines)
	}
	w.from.Lose(lines)
	if err == nil {
		if w.failed {
			w.log.Info(w.name+": written again", "file", w.file.path)
		}
		w.failed = false
		return
	}
	if !w.failed {
		w.log.Error(w.name+": not written; lines are lost and counted", "file", w.file.path, "error", systemError(err))
	}
	w.failed = true
	if errors.Is(err, unix.EPIPE) { // its reader is gone
		w.use(&lineFile{path: w.file.path})
	}
}

// append writes lines, and returns those of which the file has nothing. One that is cut goes on with the next call, before all others: a
// reader never sees a part of one.
func (w *lineWriter) append(lines []byte) (lost []byte, err error) {
	_ = w.file.f.SetWriteDeadline(time.Now().Add(w.patience)) // a pipe's; a file of a disk has none
	if w.cut != nil && w.size() != w.cutEnd {                 // emptied since, or another process has written to it
		w.forget()
	}
	if w.cut != nil {
		n, err := w.file.f.Write(w.cut[w.cutAt:])
		w.cutAt += n
		w.cutEnd = w.size()
		if err != nil {
			return lines, err
		}
		w.cut = nil
	}
	n, err := w.file.f.Write(lines)
	if n == len(lines) {
		return nil, err
	}
	begin := bytes.LastIndexByte(lines[:n], newline) + 1
	end := begin + bytes.IndexByte(lines[begin:], newline) + 1
	if n == begin {
		return lines[n:], err
	}
	w.cut, w.cutAt, w.cutEnd = bytes.Clone(lines[begin:end]), n-begin, w.size()
	return lines[end:], err
}

// size is how long w's file is, 0 for what is no file of a disk.
func (w *lineWriter) size() int64 {
	fi, err := w.file.f.Stat()
	if err != nil || !fi.Mode().IsRegular() {
		return 0
	}
	return fi.Size()
}

const newline = '\n'
