package session

// Who a client is: the protocol says (codec.Users), and has a command refused that the client's user may not send. Here is what becomes
// of a client when that changes, and what is kept of refusals:
//
//	reload    moved --> rejoin: its user has other rights from its next command on; it is closed if there is no such user any more
//	refusal   answerLocal --> noteDenial --> denials of the pool, which ACL LOG tells
//
// The user is a pointer in the session's codec.Client: what counts or limits by user finds it there.

import (
	"sync"
	"time"

	"cashew/codec/acl"
	"cashew/stats"
)

// rejoin has s, whose user has that name, be who that is in its pool now. false: nobody; it is to be closed.
func (s *Session) rejoin(name string) bool {
	stays, changed := s.pool.Protocol.Rejoin(&s.cl, name)
	// What it is subscribed to it might not be any more. Source: redis 7.0 acl.c, ACLKillPubsubClientsIfNeeded.
	return stays && (!changed || !s.subscribes())
}

// userName is who s is; "": its pool has no users.
func (s *Session) userName() string {
	if s.cl.User == nil {
		return ""
	}
	return s.cl.User.Name
}

// noteDenial keeps what was refused to s.
func (s *Session) noteDenial() {
	s.pool.Denials.add(s.cl.Denied, s.info(), time.Duration(s.loop.Now))
	s.cl.Denied = nil
}

const (
	// maxDenials is how many entries are kept. Source: redis 7.0 acllog-max-len.
	maxDenials = 128
	// sameDenial is how long the same refusal counts as one entry. Source: redis 7.0 acl.c, ACL_LOG_GROUPING_MAX_TIME_DELTA.
	sameDenial = time.Minute
)

// Denials are what was lately refused to a pool's users. All loops share them: a refusal is rare, or its client is at fault.
type Denials struct {
	mu   sync.Mutex
	list []Denial // the newest first
}

// Denial is one of them.
type Denial struct {
	acl.Refusal
	Count  int64
	At     time.Duration // the last time, as Loop.Now
	Client stats.Client  // who it was then
}

// add keeps d, which was refused to c.
func (l *Denials) add(d *acl.Refusal, c stats.Client, now time.Duration) {
	e := Denial{Refusal: *d, Count: 1, At: now, Client: c}
	l.mu.Lock()
	defer l.mu.Unlock()
	at := len(l.list)
	for i := range l.list {
		if l.list[i].Refusal == e.Refusal && now-l.list[i].At < sameDenial {
			e.Count += l.list[i].Count
			at = i
			break
		}
	}
	if at == len(l.list) && at < maxDenials {
		l.list = append(l.list, e)
	}
	at = min(at, maxDenials-1)
	copy(l.list[1:at+1], l.list[:at])
	l.list[0] = e
}

// Newest returns a copy of the newest n.
func (l *Denials) Newest(n int) []Denial {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Denial(nil), l.list[:min(n, len(l.list))]...)
}

// Reset forgets them.
func (l *Denials) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = nil
}
