package session

// A topic is what one name means on one loop, for all its clients that are subscribed to it. hub.go says how it comes to hear.

import (
	"slices"

	"cashew/backend"
	"cashew/topology"
)

// topic is what one name means.
type topic struct {
	hub         *hub
	sort        int
	name        []byte
	inHub       tied[topic]
	links       []*link
	subscribers chain[subscription] // inTopic
	waiting     []*subscription     // of those that are not in force

	backlog
}

func inHub(t *topic) *tied[topic] { return &t.inHub }

// leave takes u out.
func (t *topic) leave(u *subscription) {
	if t.cursor == u {
		t.cursor = u.inTopic.next
	}
	t.subscribers.remove(u, inTopic)
	if i := slices.Index(t.waiting, u); i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	}
	t.leaveIfUnheard()
}

// leaveIfUnheard ends a topic that nobody hears.
func (t *topic) leaveIfUnheard() {
	if t.subscribers.n > 0 {
		return
	}
	h := t.hub
	for _, k := range t.links {
		k.leave()
	}
	t.links = nil
	t.drop()
	delete(h.topics[t.sort], string(t.name))
	h.all.remove(t, inHub)
	h.shard.pool.census.topics.Add(-1)
}

// count is how many of the links that t wants are asked for, and how many are in force.
func (t *topic) count() (waits, force int) {
	for _, k := range t.links {
		switch {
		case k.state == asked && k.wanted:
			waits++
		case k.state == inForce:
			force++
		}
	}
	return waits, force
}

// asks says that a link of t is asked for.
func (t *topic) asks() bool {
	n, _ := t.count()
	return n > 0
}

// stands says that what t wants is asked for or in force.
func (t *topic) stands() bool {
	for _, k := range t.links {
		if k.wanted && (k.state == lost || k.state == refused) {
			return false
		}
	}
	asks, force := t.count()
	return asks+force > 0
}

// place has t be asked for where it belongs. An error says that a server of those can't be reached.
func (t *topic) place() (err error) {
	h := t.hub
	for _, k := range t.links {
		k.wanted = false
	}
	if pool := h.shard.pool; pool.random || pool.Protocol.Everywhere(t.sort, t.name) {
		for _, server := range pool.Servers() {
			if e := t.want(server); e != nil {
				err = e
			}
		}
	} else if _, server := pool.Router().Route(t.name); server == nil {
		err = backend.ErrEjected
	} else {
		err = t.want(server)
	}
	t.leaveOld()
	return err
}

// want has t have a link to a server.
func (t *topic) want(server *topology.Server) error {
	for _, k := range t.links {
		if k.line.server == server {
			k.wanted = true
			return k.ask()
		}
	}
	v := t.hub.line(server)
	k := &link{topic: t, line: v, sort: t.sort, name: t.name, wanted: true}
	v.links++
	t.links = append(t.links, k)
	return k.ask()
}

// leaveOld leaves the servers that t does not belong to any more, once it is in force where it does.
func (t *topic) leaveOld() {
	some := false
	for _, k := range t.links {
		if k.wanted && k.state != inForce && k.state != refused {
			return
		}
		some = some || k.wanted
	}
	if !some {
		return // no server is live: one that is ejected may still publish
	}
	t.links = slices.DeleteFunc(t.links, func(k *link) bool {
		if !k.wanted {
			k.leave()
		}
		return !k.wanted
	})
}

// review tells those who wait for t, if that is decided: it is in force where it belongs, at the servers that can be reached, or one of them
// refuses it. err says why none could be asked.
func (t *topic) review(err error) {
	asks, force := t.count()
	if asks > 0 || len(t.waiting) == 0 {
		return
	}
	var refusal []byte
	for _, k := range t.links {
		if k.wanted && k.state == refused {
			refusal = k.refusal
		}
	}
	waiting := t.waiting
	t.waiting = nil
	for _, u := range waiting {
		if force > 0 && refusal == nil {
			u.session.joined()
		} else {
			u.session.notJoined(err, refusal)
		}
	}
}
