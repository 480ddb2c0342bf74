package session

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"cashew/codec"
)

// What is kept of scripts: of a pool so many, and so many bytes of them, the oldest out first. After turnover of them went, loops look
// again at what they see, so that one that is often sent comes back.
const (
	maxScripts     = 1 << 10
	maxScriptBytes = 8 << 20
	maxScriptSize  = 1 << 20 // of one
	turnover       = maxScripts / 4
)

// scripts are those of a pool that clients sent lately. All loops share them: a loop asks when it sees one that is new to it, and when a
// server lacks one.
type scripts struct {
	mu      sync.Mutex
	bodies  map[string]string // by name
	names   []string          // oldest first
	bytes   int
	dropped int // since changed

	changed atomic.Uint32 // so often all of them were forgotten, or many: what loops have seen may be gone

	known     atomic.Int64 // how many there are
	displaced atomic.Int64 // were forgotten to make room
}

// add keeps a script, in place of the oldest ones if need be.
func (k *scripts) add(name, body string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.bodies[name]; ok {
		return
	}
	k.known.Add(1)
	if k.bodies == nil {
		k.bodies = make(map[string]string)
	}
	for len(k.names) > 0 && (len(k.names) >= maxScripts || k.bytes+len(body) > maxScriptBytes) {
		k.bytes -= len(k.bodies[k.names[0]])
		delete(k.bodies, k.names[0])
		k.names = k.names[1:]
		k.known.Add(-1)
		k.displaced.Add(1)
		if k.dropped++; k.dropped >= turnover {
			k.dropped = 0
			k.changed.Add(1)
		}
	}
	k.bodies[name] = body
	k.names = append(k.names, name)
	k.bytes += len(body)
}

// get is the script of a name; "": it is not known.
func (k *scripts) get(name string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.bodies[name]
}

// forget drops all of them.
func (k *scripts) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.bodies, k.names, k.bytes, k.dropped = nil, nil, 0, 0
	k.known.Store(0)
	k.changed.Add(1)
}

// Scripts are those that p knows, oldest first, for another process.
func (p *Pool) Scripts() (bodies [][]byte) {
	k := p.scripts
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, name := range k.names {
		bodies = append(bodies, []byte(k.bodies[name]))
	}
	return bodies
}

// Learn has p know the scripts that another process knew.
func (p *Pool) Learn(bodies [][]byte) {
	for _, body := range bodies {
		if len(body) <= maxScriptSize {
			p.scripts.add(p.Protocol.ScriptName(body), string(body))
		}
	}
}

// ScriptCounts is how many scripts p knows, and how many it has forgotten to make room for others.
func (p *Pool) ScriptCounts() (known, displaced int64) {
	return p.scripts.known.Load(), p.scripts.displaced.Load()
}

// seen is which scripts of its pool a loop has seen, by a hash that costs less than their name.
type seen struct {
	hashes  map[uint64]struct{}
	changed uint32 // scripts.changed, as they were
}

var scriptSeed = maphash.MakeSeed()

// noteScript keeps what cmd, which has Script, brings, forgets all if it has servers do so, and says whether it calls one by name.
func (s *Session) noteScript(cmd *codec.Command) (calls bool) {
	body, calls, forgets := s.pool.Protocol.Script(cmd)
	if forgets {
		for h := range s.shards {
			h.pool.scripts.forget()
		}
	}
	if len(body) > 0 && len(body) <= maxScriptSize && s.scripts.news(body, s.pool.scripts) {
		s.pool.scripts.add(s.pool.Protocol.ScriptName(body), string(body))
	}
	return calls
}

// news says that a body has not been seen since it may have been forgotten.
func (v *seen) news(body []byte, k *scripts) bool {
	n := k.changed.Load()
	switch {
	case v.hashes == nil:
		v.hashes = make(map[uint64]struct{})
	case v.changed != n, len(v.hashes) >= maxScripts:
		clear(v.hashes)
	}
	v.changed = n
	h := maphash.Bytes(scriptSeed, body)
	if _, ok := v.hashes[h]; ok {
		return false
	}
	v.hashes[h] = struct{}{}
	return true
}
