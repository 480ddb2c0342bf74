package session

// The road of SUBSCRIBE and its kin. Nothing else of the client is under way beside it, so that what it is told, and what comes because of
// it, stand where they belong:
//
//	subscribe       waits until nothing is owed to the client, and enters it in the hub for each name
//	joined          counts the names that are in force; with the last one
//	subscribed      the client is told, and hears what comes from then on
//	notJoined       or one can't be: it is subscribed to none of them, and is told why
//
// PUBLISH goes to the server that the ring gives its channel. Its reply counts the loops of the proxy, and is told as clients.

import (
	"github.com/valyala/bytebufferpool"

	"cashew/backend"
	"cashew/codec"
	"cashew/loop"
)

// subscriber is what a client is subscribed to.
type subscriber struct {
	counts []int                      // by sort, of those that it was told of
	names  []map[string]*subscription // by sort; looked up, and never walked over
	all    chain[subscription]        // ofClient
	bytes  int                        // about what they take

	request *backend.Request // the SUBSCRIBE that is not answered; nil: none
	sort    int              // its
	asked   []string         // its names
	awaited int              // of those that are not in force

	held      []*loop.Shared // messages that came while a reply did
	heldBytes int
}

// subscription is one client's to one topic.
type subscription struct {
	topic    *topic
	session  *Session
	inTopic  tied[subscription]
	ofClient tied[subscription]
	active   bool   // the client was told
	at       uint64 // number of the next message that it is to have
}

func inTopic(u *subscription) *tied[subscription]  { return &u.inTopic }
func ofClient(u *subscription) *tied[subscription] { return &u.ofClient }

// subscriptionBytes is about what a subscription takes besides its name.
const subscriptionBytes = 250

// n is how many there are.
func (b *subscriber) n() (sum int) {
	for _, n := range b.counts {
		sum += n
	}
	return sum
}

// subscribes says that s is subscribed to something, or is about to be.
func (s *Session) subscribes() bool { return s.subscriber != nil && s.subscriber.all.n > 0 }

// subscribe carries out a command that begins or ends subscriptions. It returns false if that has to wait.
func (s *Session) subscribe(cmd *codec.Command) (taken bool) {
	if !s.alone() {
		return false
	}
	s.count(cmd)
	if s.subscriber == nil {
		b := &subscriber{counts: make([]int, s.pool.Protocol.Sorts())}
		for range b.counts {
			b.names = append(b.names, make(map[string]*subscription))
		}
		s.subscriber = b
	}
	sort, begins := s.pool.Protocol.Subscribes(cmd)
	if !begins {
		s.unsubscribe(sort, cmd)
		return true
	}
	b, h := s.subscriber, s.getHub(s.local)
	b.request, b.sort, b.asked, b.awaited = s.local.servers.NewRequest(nil), sort, b.asked[:0], 0
	b.request.Quiet = cmd.Quiet
	s.push(b.request)
	for i := range cmd.Keys {
		name := string(cmd.KeyAt(i))
		b.asked = append(b.asked, name)
		if b.names[sort][name] != nil {
			continue
		}
		u, waits, err := h.join(s, sort, cmd.KeyAt(i))
		if err != nil {
			s.notJoined(err, nil)
			return true
		}
		b.add(u, name)
		if waits {
			b.awaited++
		}
	}
	if b.awaited == 0 {
		s.subscribed()
	} else {
		s.waitsFor |= behindOrder
	}
	return true
}

// add enters u among the client's.
func (b *subscriber) add(u *subscription, name string) {
	b.names[u.topic.sort][name] = u
	b.all.add(u, ofClient)
	b.bytes += subscriptionBytes + len(name)
}

// joined says that one more of the names that s waits for is in force.
func (s *Session) joined() {
	if s.subscriber.awaited--; s.subscriber.awaited == 0 {
		s.subscribed()
	}
}

// subscribed tells the client that it is subscribed to all that it asked for, and has it hear what comes from then on.
func (s *Session) subscribed() {
	b, p := s.subscriber, s.pool.Protocol
	bb := s.loop.GetBuffer()
	for _, name := range b.asked {
		if u := b.names[b.sort][name]; !u.active {
			u.active, u.at = true, u.topic.end()
			b.counts[b.sort]++
			s.tally.Subscriptions++
			s.pool.census.add(s.hub, b.sort, name, 1)
		}
		bb.B = p.AppendSubscribed(bb.B, &s.cl, b.sort, []byte(name), true, b.counts)
	}
	s.answerSubscribe(bb)
	if s.holds() >= causeBytes {
		s.local.holders.add(s)
	}
}

// notJoined tells the client why it is not subscribed to what it asked for: a server refuses, or none could be asked.
func (s *Session) notJoined(err error, refusal []byte) {
	b := s.subscriber
	for _, name := range b.asked {
		if u := b.names[b.sort][name]; u != nil && !u.active {
			s.leaveTopic(u)
		}
	}
	bb := s.loop.GetBuffer()
	if refusal != nil {
		bb.B = append(bb.B, refusal...)
	} else {
		s.pool.Count.ForwardError.Add(1)
		bb.B = s.appendError(bb.B, 0, err)
	}
	if quiet := b.request.Quiet; quiet != 0 && s.pool.Protocol.Suppress(quiet, bb.B) {
		bb.B = bb.B[:0]
	}
	s.answerSubscribe(bb)
}

// answerSubscribe ends the SUBSCRIBE, whose turn it is: nothing is owed to the client before it.
func (s *Session) answerSubscribe(with *bytebufferpool.ByteBuffer) {
	r := s.subscriber.request
	s.subscriber.request, s.subscriber.awaited = nil, 0
	r.Reply, r.Done = with, true
	s.passDue()
}

// unsubscribe ends subscriptions of a sort: those that are named, or all.
func (s *Session) unsubscribe(sort int, cmd *codec.Command) {
	b, p := s.subscriber, s.pool.Protocol
	bb := s.loop.GetBuffer()
	end := func(u *subscription, name []byte) {
		if u != nil {
			s.leaveTopic(u)
		}
		bb.B = p.AppendSubscribed(bb.B, &s.cl, sort, name, false, b.counts)
	}
	for i := range cmd.Keys {
		name := cmd.KeyAt(i)
		end(b.names[sort][string(name)], name)
	}
	if len(cmd.Keys) == 0 {
		if len(b.names[sort]) == 0 {
			end(nil, nil)
		}
		for u := b.all.first; u != nil; {
			next := u.ofClient.next
			if u.topic.sort == sort {
				end(u, u.topic.name)
			}
			u = next
		}
	}
	s.tell(bb)
}

// leaveTopic ends one subscription.
func (s *Session) leaveTopic(u *subscription) {
	b, t := s.subscriber, u.topic
	delete(b.names[t.sort], string(t.name))
	b.all.remove(u, ofClient)
	b.bytes -= subscriptionBytes + len(t.name)
	if u.active {
		u.active = false
		b.counts[t.sort]--
		s.tally.Subscriptions--
		s.pool.census.add(t.hub, t.sort, string(t.name), -1)
	}
	t.leave(u)
}

// leaveTopics ends all that s is subscribed to, and tells nobody.
func (s *Session) leaveTopics() {
	b := s.subscriber
	if b == nil {
		return
	}
	for b.all.n > 0 {
		s.leaveTopic(b.all.first)
	}
	for _, sh := range b.held {
		sh.Release(s.loop)
	}
	s.subscriber = nil
}

// publish sends what a client publishes.
func (s *Session) publish(cmd *codec.Command) {
	if s.dual() != nil {
		s.twice(cmd)
		return
	}
	place, server := s.pool.Router().Route(cmd.Key)
	if !s.pool.census.any() {
		s.send(place, server, cmd) // its server knows all who hear it
		return
	}
	whole := s.gather(cmd)
	s.asksCensus(whole.Gather, cmd)
	if s.local.sampleIn--; s.local.sampleIn <= 0 {
		s.sample(cmd, nil, place, nil)
	}
	switch t := s.fragment(whole, place, server, 1); {
	case t.conn != nil:
		t.request.Frame = uint32(len(cmd.Frame))
		t.request.SetKey(cmd.Key)
		sendPart(s, t.conn, cmd.Frame)
	case t.err != nil:
		s.holdFrame(&t, cmd.Frame)
	}
	s.launched(whole)
}

// asksCensus has g, of a command that may be about subscriptions, know what clients are subscribed to.
func (s *Session) asksCensus(g *codec.Gather, cmd *codec.Command) {
	if p := s.pool.Protocol; p.Sorts() > 0 {
		if g.Keys = p.AppendKeys(g.Keys, cmd); len(g.Keys) > 0 {
			g.Subscribers = s.pool.subscribers
		}
	}
}
