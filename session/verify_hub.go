//go:build invariants

package session

import "slices"

// String names h.
func (h *hub) String() string { return "subscriptions of pool " + h.shard.pool.Name }

// hub: whoever is subscribed to something hears it, or will once a server is back; and whoever waits is told.
func (a *checker) hub(h *hub) {
	over := h.over || h.shard.removed
	links := make(map[*line]int)
	missing, n := false, 0
	for t := h.all.first; t != nil; t = t.inHub.next {
		n++
		a.Check(h.topics[t.sort][string(t.name)] == t, h, "a topic stands in the list alone")
		a.topic(t)
		for _, k := range t.links {
			a.Check(k.topic == t, h, "a link of a topic is another's")
			links[k.line]++
			missing = missing || k.wanted && k.state == lost
		}
		if a.Err != nil {
			return
		}
	}
	for _, m := range h.topics {
		n -= len(m)
	}
	a.Check(n == 0, h, "%d topics more are in the list than by name", n)
	a.Check(!missing || h.mending || over, h, "something is lost, and nobody looks after it")
	for _, v := range h.lines {
		a.Check(links[v] == v.links, h, "%d links go over a feed, and %d are counted", links[v], v.links)
	}
	if !over {
		a.census(h)
	}
	walking := 0
	for _, t := range h.walking {
		walking++
		a.Check(t.walks && t.subscribers.n > 0, h, "messages are under way to nobody")
	}
	a.Check(walking == 0 || h.timed || h.flushes > 0, h, "messages are under way, and nobody goes on with them")
}

// census: what all loops know of h's subscriptions is what there is.
func (a *checker) census(h *hub) {
	c := h.shard.pool.census
	a.Check(c.topics.Load() >= int64(h.all.n), h, "fewer topics are counted than there are")
	c.mu.RLock()
	defer c.mu.RUnlock()
	for t := h.all.first; t != nil; t = t.inHub.next {
		_, force := t.count()
		known := t.sort < len(c.names) && c.names[t.sort][string(t.name)] != nil
		a.Check(known || force+t.active() == 0, h, "nothing is counted of a name")
	}
	for sort, names := range c.names {
		for name, n := range names { // in no order: the first that is wrong is as good as another
			clients, own := 0, 0
			for _, v := range n.clients {
				if v.hub == h {
					clients += v.n
				}
			}
			for _, o := range n.own {
				if o.hub == h {
					own++
				}
			}
			if t := h.topics[sort][name]; t != nil {
				_, force := t.count()
				clients, own = clients-t.active(), own-force
			}
			a.Check(clients == 0 && own == 0, h, "%d clients and %d links more are counted of a name than there are", clients, own)
		}
	}
}

// active is how many clients hear t.
func (t *topic) active() (n int) {
	for u := t.subscribers.first; u != nil; u = u.inTopic.next {
		if u.active {
			n++
		}
	}
	return n
}

// topic: those who hear it are its clients, and what they have not been given is kept.
func (a *checker) topic(t *topic) {
	h, n, waiting := t.hub, 0, 0
	var last *subscription
	for u := t.subscribers.first; u != nil; u = u.inTopic.next {
		n++
		s := u.session
		a.Check(u.inTopic.prev == last && u.topic == t, h, "a list of subscribers is broken")
		last = u
		a.Check(s.life < closed && s.subscriber != nil && s.subscriber.names[t.sort][string(t.name)] == u, h, "a client is subscribed, and does not know")
		if !u.active {
			waiting++
		} else {
			a.Check(u.at <= t.end() && (u.at == t.end() || t.walks && u.at >= t.base), h, "a client lacks what is not kept")
		}
		if a.Err != nil {
			return
		}
	}
	a.Check(n == t.subscribers.n && n > 0 && last == t.subscribers.last, h, "a topic has %d subscribers, and %d are counted", n, t.subscribers.n)
	a.Check(len(t.waiting) <= waiting && (len(t.waiting) == 0 || t.asks() || t.mislaid()), h, "%d clients wait for a topic that nobody is asked for", len(t.waiting))
	a.Check(t.walks || len(t.log) == 0 && t.cursor == nil, h, "a backlog is kept for nobody")
	for i := range t.log {
		for _, sh := range t.log[i].shared {
			if sh != nil {
				a.Shared(sh, h)
			}
		}
	}
}

// subscriber: what s was told of is what it is subscribed to.
func (a *checker) subscriber(s *Session) {
	b := s.subscriber
	if b == nil {
		return
	}
	counts, n, held := make([]int, len(b.counts)), 0, 0
	for u := b.all.first; u != nil; u = u.ofClient.next {
		n++
		a.Check(u.session == s && b.names[u.topic.sort][string(u.topic.name)] == u, s, "a subscription is another's")
		if u.active {
			counts[u.topic.sort]++
			a.subscriptions[s.shard]++
		}
		if a.Err != nil {
			return
		}
	}
	for sort := range counts {
		a.Check(counts[sort] == b.counts[sort], s, "it has %d subscriptions of sort %d, and was told of %d", counts[sort], sort, b.counts[sort])
		n -= len(b.names[sort])
	}
	a.Check(n == 0, s, "%d subscriptions more are in the list than by name", n)
	for _, sh := range b.held {
		a.Shared(sh, s)
		held += len(sh.Bytes())
	}
	a.Check(held == b.heldBytes, s, "%d bytes of messages are held, and %d are counted", held, b.heldBytes)
	a.Check(held == 0 || s.head != nil && s.head.Streaming || s.broken, s, "messages are held, and no reply streams")
	a.Check(b.request == nil || s.head == b.request && !b.request.Done && (b.awaited > 0 || s.broken), s, "what it waits for is in force")
}

// mislaid says that t is asked for again where its slot is, once that is known.
func (t *topic) mislaid() bool {
	return slices.ContainsFunc(t.links, func(k *link) bool { return k.wanted && k.state == lost && k.hops > 0 })
}
