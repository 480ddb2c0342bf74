package daemon

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"time"

	"cashew/access"
	"cashew/audit"
	"cashew/engine"
	"cashew/otlp"
)

// logFiles are the files of the audit log and of the access log.
type logFiles struct{ audit, access *lineFile }

// openLogs opens those of o.
func openLogs(o *engine.Options) (f logFiles, err error) {
	if f.audit, err = openLines(o.AuditLog); err != nil {
		return f, fmt.Errorf("opening audit log '%s' failed: %w", o.AuditLog, err)
	}
	if f.access, err = openLines(o.AccessLog); err != nil {
		f.audit.close()
		return f, fmt.Errorf("opening access log '%s' failed: %w", o.AccessLog, err)
	}
	return f, nil
}

func (f *logFiles) close() {
	f.audit.close()
	f.access.close()
}

// logs are who writes them.
type logs struct{ audit, access *lineLog }

// use has lines go to other files, from the next write on.
func (l *logs) use(f logFiles) {
	l.audit.use(f.audit)
	l.access.use(f.access)
}

func (l *logs) close() {
	l.audit.close()
	l.access.close()
}

// beginLogs writes the audit log and the access log from now on, to f.
func (p *process) beginLogs(f logFiles) {
	var seed [16]byte
	_, _ = rand.Read(seed[:]) // never fails
	p.proxy.Access().Seed(binary.NativeEndian.Uint64(seed[:]), binary.NativeEndian.Uint64(seed[8:]))
	p.logs = logs{newLineLog("audit log", p.log), newLineLog("access log", p.log)}
	p.logs.audit.sum = p.proxy.Audit().Sum
	p.logs.use(f)
	p.logs.audit.run(p.proxy.Audit())
	p.logs.access.run(access.NewLines(p.proxy.Access(), p.proxy.Time))
	p.exporter = otlp.New(p.proxy.Access(), p.proxy.Time, p.log)
	p.exporter.Use(p.collector())
	p.exporter.Run()
	p.audit("start", p.version)
}

// collector is who is told of traces, by the options in force.
func (p *process) collector() otlp.Options {
	o := p.proxy.Options()
	return otlp.Options{
		Endpoint: o.OTLPEndpoint, HeadersFile: o.OTLPHeadersFile, CAFile: o.OTLPCACertFile, CertFile: o.OTLPCertFile, KeyFile: o.OTLPKeyFile,
		Service: o.OTLPService, Version: p.version,
	}
}

// reopenLogs opens the files of logs anew, after they were moved away. If that fails lines go on into the old ones.
func (p *process) reopenLogs() {
	o := p.proxy.Options()
	if p.logs.audit == nil || o.AuditLog == "" && o.AccessLog == "" {
		return
	}
	f, err := openLogs(o)
	if err != nil {
		p.log.Error(err.Error())
		return
	}
	p.logs.use(f)
}

// audit keeps what happens to the process.
func (p *process) audit(name, result string) {
	if p.proxy != nil {
		p.proxy.Audit().Record(audit.Admin, &audit.Event{At: time.Now(), Name: name, Result: result})
	}
}
