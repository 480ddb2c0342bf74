package session

// sessions is a list of a loop's sessions, in the order in which they entered it: to walk a map would have chance decide who is
// closed or told first. To enter and to leave costs a few writes and no allocation. The zero value, but for which, is empty.
type sessions struct {
	which       which
	first, last *Session
	n           int
}

// which tells a loop's lists apart; a session can be in each once.
type which uint8

const (
	inAll     which = iota // opened, and not closed
	inHolders              // holds causeBytes, has a full socket, or had lately
	inBlocked              // may block; see blocking.go
	lists
)

// links are what ties a session into a list.
type links struct {
	prev, next *Session
	in         bool
}

// add enters s at the end, unless it is in the list already.
func (l *sessions) add(s *Session) {
	p := &s.links[l.which]
	if p.in {
		return
	}
	*p = links{prev: l.last, in: true}
	if l.last == nil {
		l.first = s
	} else {
		l.last.links[l.which].next = s
	}
	l.last = s
	l.n++
}

// remove takes s out, if it is in the list.
func (l *sessions) remove(s *Session) {
	p := &s.links[l.which]
	if !p.in {
		return
	}
	if p.prev == nil {
		l.first = p.next
	} else {
		p.prev.links[l.which].next = p.next
	}
	if p.next == nil {
		l.last = p.prev
	} else {
		p.next.links[l.which].prev = p.prev
	}
	*p = links{}
	l.n--
}

// all walks the list. The session at hand may be removed meanwhile; others may not.
func (l *sessions) all(yield func(*Session) bool) {
	for s := l.first; s != nil; {
		next := s.links[l.which].next
		if !yield(s) {
			return
		}
		s = next
	}
}

// chain is a list of what has a place in it, as tie says, in the order of entering. To enter and to leave costs no more than in sessions.
// What has left still knows who stood behind it, so that a walk goes on from there.
type chain[T any] struct {
	first, last *T
	n           int
}

// tied is where an element stands in a chain.
type tied[T any] struct{ prev, next *T }

// add enters e at the end.
func (l *chain[T]) add(e *T, tie func(*T) *tied[T]) {
	tie(e).prev = l.last
	if l.last == nil {
		l.first = e
	} else {
		tie(l.last).next = e
	}
	l.last = e
	l.n++
}

// remove takes e out, which stands in the list.
func (l *chain[T]) remove(e *T, tie func(*T) *tied[T]) {
	at := tie(e)
	if at.prev == nil {
		l.first = at.next
	} else {
		tie(at.prev).next = at.next
	}
	if at.next == nil {
		l.last = at.prev
	} else {
		tie(at.next).prev = at.prev
	}
	l.n--
}
