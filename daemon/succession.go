package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"cashew/engine"
	"cashew/upgrade"
	"cashew/world"
)

// SIGUSR2 has the program that stands in this one's place now take over, see package upgrade. A successor finds its
// predecessor's listeners by these names, and what follows them: the engine's own names, and the admin pages' address.
const (
	poolsName = "pool "
	pagesName = "admin "
	statsName = "stats"
)

// listenerFiles are all listeners of the process.
func (p *process) listenerFiles() (map[string]*os.File, error) {
	files, err := p.service.files()
	if err != nil {
		return nil, err
	}
	pools, err := p.proxy.ListenerFiles()
	if err != nil {
		for _, f := range files {
			_ = f.Close()
		}
		return nil, err
	}
	for name, f := range pools {
		files[poolsName+name] = f
	}
	return files, nil
}

// upgrade starts a successor, and tells p.replaced if it took over. Otherwise the log says why, and this process goes on.
func (p *process) upgrade(ctx context.Context) {
	if p.cli.demo {
		p.log.Error("not upgraded: the embedded servers would end with this process")
		p.goOn()
		return
	}
	p.tell(upgrade.NotifyReloading())
	next, err := p.upgrader.Start(ctx)
	if err == nil {
		err = next.Commit()
	}
	if err == nil {
		p.tell(upgrade.NotifyReplaced(next.Pid))
		p.always(fmt.Sprintf("process %d takes over", next.Pid))
		p.audit("upgrade", fmt.Sprintf("process %d takes over", next.Pid))
		p.replaced <- next
		return
	}
	p.audit("upgrade", "failed")
	p.log.Error("not upgraded: " + err.Error())
	var failure *upgrade.Failure
	if errors.As(err, &failure) {
		for line := range strings.Lines(failure.Output) {
			p.log.Error("the new process said: " + strings.TrimSpace(line))
		}
	}
	if errors.Is(err, upgrade.ErrBusy) || ctx.Err() != nil {
		return // the one that is under way, or the end, has the last word
	}
	p.tell(upgrade.NotifyReady())
	p.goOn()
}

// goOn writes the pid file again: whoever waits for an upgrade sees by it that it has failed.
func (p *process) goOn() {
	if err := p.pid.write(); err != nil {
		p.log.Error(fmt.Sprintf("writing pid file '%s' failed: %v", p.pid.path, err))
	}
}

// yield gives the clients to the successor and drains those that it did not take. Whoever asks for pages is answered by the
// successor from the beginning: this process would say that it is not ready.
func (p *process) yield(ctx context.Context, next *upgrade.Successor) error {
	ctx, cancel := p.forDrain(ctx)
	defer cancel()
	p.service.close()
	p.found.Load().leaveFiles()
	n, err := p.proxy.HandOver(ctx, world.NewChannel(next.Conn))
	next.Close()
	if err != nil {
		p.log.Error("handing over clients failed: " + err.Error())
	}
	p.always(fmt.Sprintf("process %d has %d clients of this one", next.Pid, n))
	return p.proxy.Drain(ctx)
}

// inherit takes the predecessor's clients. Those that it does not get stay there until they are drained.
func (p *process) inherit(ctx context.Context, pred *upgrade.Predecessor) {
	n, err := p.proxy.TakeOver(ctx, world.NewChannel(pred.Conn))
	_ = pred.Conn.Close()
	if err != nil {
		p.log.Error(fmt.Sprintf("taking over clients from process %d failed: %v", pred.Pid, err))
	}
	p.always(fmt.Sprintf("took over %d clients from process %d", n, pred.Pid))
}

// isAlive is for systemd's watchdog: every loop answers.
func (p *process) isAlive(context.Context) error {
	if n := p.proxy.Snapshot().Silent; n > 0 {
		return fmt.Errorf("%d of the event loops do not answer", n)
	}
	return nil
}

// tell logs that systemd could not be told.
func (p *process) tell(err error) {
	if err != nil {
		p.log.Warn(err.Error())
	}
}

// files are the listeners' for a successor.
func (s *service) files() (map[string]*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	files := make(map[string]*os.File)
	for name, nl := range map[string]net.Listener{statsName: s.stats, pagesName + s.proxy.Options().Admin: s.pages} {
		if nl == nil {
			continue
		}
		f, err := upgrade.ListenerFile(nl)
		if err != nil {
			for _, f := range files {
				_ = f.Close()
			}
			return nil, err
		}
		files[name] = f
	}
	return files, nil
}

// newUpgrader finds the program; see upgrade.New for why that is early.
func (p *process) newUpgrader() (err error) {
	p.replaced = make(chan *upgrade.Successor, 1)
	p.upgrader, err = upgrade.New(upgrade.Options{Files: p.listenerFiles, Stderr: p.out.Stderr, State: p.state})
	return err
}

// state is what a successor has to know of the proxy, besides its clients.
func (p *process) state() []byte { return withDiscovered(p.proxy.Tickets(), p.found.Load().kept()) }

// inherit gives the predecessor's listeners to the options, and what else it leaves.
func inherit(o *engine.Options, pred *upgrade.Predecessor) (err error) {
	if pred != nil {
		o.Tickets = pred.State
	}
	o.Inherited, err = pred.Listeners(poolsName)
	return err
}
