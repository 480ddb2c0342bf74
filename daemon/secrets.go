package daemon

import (
	"context"
	"time"
)

// secretsInterval is how often the files that secrets were read from are looked at.
const secretsInterval = time.Second

// watchSecrets has the proxy go on with other secrets once their files have changed, until ctx ends.
func (p *process) watchSecrets(ctx context.Context) {
	ticker := time.NewTicker(secretsInterval)
	defer ticker.Stop()
	var w secretWatch
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			p.lookAtSecrets(&w)
		}
	}
}

// secretWatch is what the looks at the files of secrets so far have shown.
type secretWatch struct {
	last   string // the last look
	failed string // the look of files that could not be used, which was said
}

// lookAtSecrets looks once. What has changed is read when it looks the same twice: a file may be half written the first time. Only the
// secrets are read anew: the configuration, which somebody may be editing, waits for a signal.
func (p *process) lookAtSecrets(w *secretWatch) {
	p.reloading.Lock()
	defer p.reloading.Unlock()
	if p.loaded == nil {
		return
	}
	look, last := p.loaded.Look(), w.last
	w.last = look
	if look == p.loaded.Looked() || look != last || look == w.failed {
		return
	}
	f, err := p.loaded.Again()
	if err == nil {
		_, err = p.goOnWith(f)
	}
	if err != nil {
		w.failed = look
		p.log.Error("secrets have changed and can't be used; those in force stay", "file", p.cli.confFile)
		for _, line := range lines(err) {
			p.log.Error(line)
		}
		return
	}
	w.failed = ""
	p.audit("secrets", "read anew")
	p.log.Info("secrets read anew", "file", p.cli.confFile)
	p.warn()
}
