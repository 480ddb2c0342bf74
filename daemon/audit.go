package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"cashew/audit"
	"cashew/engine"
	"cashew/regular"
)

// auditor writes the audit log: one goroutine, for which nobody waits. What can't be written is dropped and counted, and the log says so
// once, and once more when it can.
type auditor struct {
	log   *slog.Logger
	from  *audit.Log // set by run
	early chan struct{}
	end   chan struct{}
	ended chan struct{}

	mu   sync.Mutex
	next *auditFile // in place of the one in use; nil: that goes on
}

// auditFile is where its lines go.
type auditFile struct {
	path string   // "": nowhere
	f    *os.File // nil: a FIFO that nobody reads; it is opened again
}

const (
	auditInterval = 500 * time.Millisecond
	// auditPatience is how long a reader of a pipe may take no bytes, and the end of the process wait for the last lines.
	auditPatience = time.Second
)

func newAuditor(log *slog.Logger) *auditor {
	return &auditor{log: log, early: make(chan struct{}, 1), end: make(chan struct{}), ended: make(chan struct{})}
}

// openAudit opens path to append to it. A FIFO without a reader is no mistake: there may be one later. The error has no path.
func openAudit(path string) (*auditFile, error) {
	if path == "" {
		return &auditFile{}, nil
	}
	if err := regular.Appendable(path); err != nil { // a socket, too, is opened with ENXIO, and some devices do something
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOCTTY|unix.O_NONBLOCK, 0o600)
	if err != nil && !errors.Is(err, unix.ENXIO) {
		return nil, systemError(err)
	}
	return &auditFile{path: path, f: f}, nil
}

func (a *auditFile) close() {
	if a.f != nil {
		_ = a.f.Close()
	}
}

// use has the lines go to another file, from the next write on.
func (a *auditor) use(f *auditFile) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.next != nil {
		a.next.close()
	}
	a.next = f
}

// take is the file that is to be used now, where it is another.
func (a *auditor) take() *auditFile {
	a.mu.Lock()
	defer a.mu.Unlock()
	next := a.next
	a.next = nil
	return next
}

// run begins to write what from has.
func (a *auditor) run(from *audit.Log) {
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
func (a *auditor) close() {
	if a == nil || a.from == nil {
		return
	}
	close(a.end)
	select {
	case <-a.ended:
	case <-time.After(2 * auditPatience):
	}
}

func (a *auditor) write() {
	defer close(a.ended)
	ticker := time.NewTicker(auditInterval)
	defer ticker.Stop()
	w := auditWriter{log: a.log, from: a.from, file: &auditFile{}, patience: auditPatience}
	defer func() { w.use(&auditFile{}) }()
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
		if last || ticks%2 == 0 {
			a.from.Sum(time.Now())
		}
		if lines = a.from.Take(lines, time.Now()); len(lines) > 0 {
			w.put(lines) // to the file that was in use as they came
		}
		if next != nil {
			w.use(next)
		}
	}
}

// auditWriter is what the goroutine knows of its file.
type auditWriter struct {
	log      *slog.Logger
	from     *audit.Log
	file     *auditFile
	failed   bool          // the last write did, and the log has it
	patience time.Duration // with a pipe whose reader takes nothing

	cut    []byte // the line of which the file has the beginning alone; nil: none
	cutAt  int    // how much of it
	cutEnd int64  // where the file ended then, if it is one of a disk
}

// use has w write to another file.
func (w *auditWriter) use(f *auditFile) {
	w.forget()
	w.file.close()
	w.file = f
}

// forget gives up the line that was cut.
func (w *auditWriter) forget() {
	w.from.Lose(w.cut)
	w.cut = nil
}

// put writes lines, or says that they are lost.
func (w *auditWriter) put(lines []byte) {
	if w.file.path == "" {
		w.from.Lose(lines)
		return
	}
	if w.file.f == nil {
		if again, err := openAudit(w.file.path); err == nil {
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
			w.log.Info("audit log: written again", "file", w.file.path)
		}
		w.failed = false
		return
	}
	if !w.failed {
		w.log.Error("audit log: not written; events are lost and counted", "file", w.file.path, "error", systemError(err))
	}
	w.failed = true
	if errors.Is(err, unix.EPIPE) { // its reader is gone
		w.use(&auditFile{path: w.file.path})
	}
}

// append writes lines, and returns those of which the file has nothing. One that is cut goes on with the next call, before all others: a
// reader never sees a part of one.
func (w *auditWriter) append(lines []byte) (lost []byte, err error) {
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
func (w *auditWriter) size() int64 {
	fi, err := w.file.f.Stat()
	if err != nil || !fi.Mode().IsRegular() {
		return 0
	}
	return fi.Size()
}

const newline = '\n'

// openAuditLog opens the audit log of o.
func openAuditLog(o *engine.Options) (*auditFile, error) {
	f, err := openAudit(o.AuditLog)
	if err != nil {
		err = fmt.Errorf("opening audit log '%s' failed: %w", o.AuditLog, err)
	}
	return f, err
}

// beginAudit writes the audit log from now on, to f.
func (p *process) beginAudit(f *auditFile) {
	p.auditor = newAuditor(p.log)
	p.auditor.use(f)
	p.auditor.run(p.proxy.Audit())
	p.audit("start", p.version)
}

// reopenAudit opens the audit log anew, after it was moved away. If that fails its lines go on into the old file.
func (p *process) reopenAudit() {
	if p.auditor == nil || p.proxy.Options().AuditLog == "" {
		return
	}
	f, err := openAuditLog(p.proxy.Options())
	if err != nil {
		p.log.Error(err.Error())
		return
	}
	p.auditor.use(f)
}

// audit keeps what happens to the process.
func (p *process) audit(name, result string) {
	if p.proxy != nil {
		p.proxy.Audit().Record(audit.Admin, &audit.Event{At: time.Now(), Name: name, Result: result})
	}
}
