package topology

import (
	"context"
	"errors"
	"sync"
	"time"

	"cashew/world"
)

const (
	askedAtOnce  = 5                      // servers in a round
	roundGrace   = 100 * time.Millisecond // for the others, once one of them has answered
	maxFailing   = 4096                   // addresses that are known not to answer
	maxViewReply = 8 << 20                // 500 masters with a replica each take 150 KiB; 16,384 ranges of one slot 4 MiB
)

// round asks some of the pool's seeds and servers, or of its sentinels, all at once, for what they know, and returns what comes: all, or what does within
// roundGrace of the first. One that does not answer in time is not asked again before it has, or its time is up. err is of one that failed.
func (p *Pool) round(ctx context.Context) (answers []answer, err error) {
	d := &p.registry.discovery
	r := &gathering{news: p.world.NewSignal()}
	others := p.opts.Servers
	if !p.opts.Cluster {
		others = p.registry.masters.sentinels()
	}
	asked := d.choose(others, p.world)
	if len(asked) == 0 {
		return nil, errors.New("topology: those that could be asked have not answered what they were asked before")
	}
	for _, s := range asked {
		p.world.Go(func() {
			a, err := p.ask(&s)
			d.answered(s.Addr, err)
			r.add(a, err)
		})
	}
	patience := ctx
	for graced := false; ; {
		answers, back, err := r.soFar()
		if back == len(asked) {
			return answers, err
		}
		if len(answers) > 0 && !graced {
			graced = true
			var cancel context.CancelFunc
			patience, cancel = p.world.WithTimeout(ctx, roundGrace)
			defer cancel()
		}
		if r.news.Wait(patience) != nil {
			answers, _, err = r.soFar()
			return answers, err
		}
	}
}

// gathering is a round under way.
type gathering struct {
	news world.Signal

	mu      sync.Mutex
	answers []answer
	back    int // that answered, or failed
	err     error
}

func (r *gathering) add(a answer, err error) {
	r.mu.Lock()
	defer r.news.Set()
	defer r.mu.Unlock()
	r.back++
	if err != nil {
		r.err = err
		return
	}
	r.answers = append(r.answers, a)
}

func (r *gathering) soFar() (answers []answer, back int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answers[:len(r.answers):len(r.answers)], r.back, r.err
}

// choose begins a round: whom to ask. Those whose word was missing come first, then any in turn of seeds and servers that answered when
// they were asked last, or never were; of those that did not, one, and as many as there is room for.
func (d *discovery) choose(servers []ServerOptions, w world.World) (list []ServerOptions) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begun = w.Nanos()
	d.jitter = w.IntN(201) - 100
	d.poked.Store(false)
	d.told.Store(false)
	all := d.seeds
	if !d.moved {
		all = append(all[:len(all):len(all)], servers...)
	}
	taken := make(map[string]bool)
	take := func(s ServerOptions) {
		if len(list) < askedAtOnce && !taken[s.Addr] && !d.asking[s.Addr] {
			taken[s.Addr] = true
			list = append(list, s)
		}
	}
	if !d.moved {
		for _, addr := range d.doubts {
			take(ServerAt(addr))
		}
	}
	from, failing := w.IntN(max(len(all), 1)), false
	for _, again := range []bool{false, true} {
		for i := range all {
			s := all[(from+i)%len(all)]
			switch failed := d.failing[s.Addr]; {
			case again, !failed && len(list) < askedAtOnce-1:
				take(s)
			case failed && !failing && !taken[s.Addr]:
				take(s)
				failing = true
			}
		}
	}
	if len(d.failing) > maxFailing {
		clear(d.failing) // of servers that are long gone
	}
	for _, s := range list {
		d.asking[s.Addr] = true
	}
	return list
}

// answered notes that a server's answer came, or its time is up.
func (d *discovery) answered(addr string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.asking, addr)
	if err != nil {
		d.failing[addr] = true
	} else {
		delete(d.failing, addr)
	}
}

// ask asks a server, or a sentinel, for what it knows. It blocks.
func (p *Pool) ask(s *ServerOptions) (a answer, err error) {
	a.addr = s.Addr
	if p.opts.Cluster {
		a.view, err = p.view(s)
	} else {
		a.masters, err = p.told(s)
	}
	return a, err
}
