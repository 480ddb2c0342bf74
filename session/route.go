package session

// The road of a command, from the client's bytes to the servers' connections. It stands in the order in which
// it is called; what goes to several servers in fragments is in scatter.go.

import (
	"fmt"

	"cashew/backend"
	"cashew/codec"
	"cashew/topology"
)

// Data implements loop.Handler: it takes what the client sent.
func (s *Session) Data(buf []byte) {
	s.lastAt = s.loop.Now
	s.tally.BytesIn += int64(len(buf))
	switch {
	case s.life >= quitting:
	case s.in == nil:
		if n := s.consume(buf); n < len(buf) && s.life < quitting {
			s.keep(buf[n:])
		}
		s.fill()
	default:
		s.keep(buf)
		s.goOn()
		s.fill()
	}
}

// consume takes commands from the front of buf, as many as are whole and the client may have in flight, and returns how
// many bytes they had.
func (s *Session) consume(buf []byte) (taken int) {
	p, cmd, in := s.pool.Protocol, &s.local.cmd, s.in
	for taken < len(buf) && s.life < quitting {
		if s.perhapsWaits() {
			if s.mustWait() {
				s.block()
				break
			}
		}
		rest := buf[taken:]
		if len(rest) < s.scan.Need {
			break
		}
		cmd.NoReply, cmd.Quiet, cmd.Mark = false, 0, 0 // pools of several protocols share it
		n, err := p.ParseCommand(&s.cl, &s.scan, rest, cmd)
		if err == nil && n == 0 && max(s.scan.Need, len(rest)) > s.local.limits.MaxRequestBytes {
			err = s.errTooBig()
		}
		if err != nil {
			if s.speaks(err) {
				continue
			}
			s.malformed(err, cmd.Mark)
			return len(buf)
		}
		if n == 0 {
			break
		}
		if s.limiter != nil && !s.admit(cmd, n) {
			break
		}
		if cmd.Kind == codec.Forward && s.reads == nil { // nearly always
			s.count(cmd)
			s.forward(cmd)
		} else if !s.take(cmd) {
			break
		}
		if s.local.access.taking != nil {
			s.tie()
		}
		if s.life == leaving {
			s.unread -= n
			s.leaveIfDone()
		}
		taken += n
		if s.in != in {
			break // buf is a server connection's now
		}
	}
	return taken
}

// errTooBig is about a command that is larger than MaxRequestBytes.
func (s *Session) errTooBig() error {
	return fmt.Errorf("%w: request larger than %s", codec.ErrMalformed, SettingName(s.local.limits.SettingNames, "MaxRequestBytes"))
}

// count notes that a command was taken.
func (s *Session) count(cmd *codec.Command) {
	s.commands++
	s.lastOp = cmd.Op
	if s.local.limits.Looks {
		s.look(cmd)
	}
}

// take is handle for a command that may be quiet, whatever it is, or is in a pool with replicas.
func (s *Session) take(cmd *codec.Command) bool {
	if s.reads != nil {
		return s.steer(cmd)
	}
	return s.takeAny(cmd)
}

// takeAny is handle for a command that may be quiet.
func (s *Session) takeAny(cmd *codec.Command) bool {
	taken := s.handle(cmd)
	if cmd.Quiet != 0 {
		if taken {
			s.pool.Protocol.Skipped(&s.cl, cmd)
		}
		cmd.Quiet = 0 // what is answered until the next command is taken is no reply to this one
	}
	return taken
}

// handle answers one command that is not just forwarded, or sends it on its way. It returns false if the command has to
// wait, and then nothing is taken of it.
func (s *Session) handle(cmd *codec.Command) bool {
	switch {
	case s.pool.logsIn && (cmd.Kind == codec.Local || cmd.Kind == codec.Switch) && s.pool.Protocol.LogsIn(cmd) && !s.mayLogIn():
		return s.waitsFor&behindLogin == 0 && s.refuseLogin(cmd)
	case cmd.Kind == codec.Local && !cmd.Sole:
		s.count(cmd)
		s.answerLocal(cmd)
		return true
	case cmd.Kind == codec.Ignore:
		return true
	case cmd.Kind == over:
		s.overLimit(cmd)
		return true
	case cmd.Kind == codec.Switch && !s.ready(cmd):
		return false
	case s.routes != nil && s.undoubled(cmd):
		return true
	case cmd.Kind == codec.Refuse && cmd.Apart && !s.inTransaction() && s.pool.single():
		cmd.Kind = codec.Lease
		return s.blockOn(cmd)
	case cmd.Kind == codec.Lease && cmd.Wait == 0:
		return s.watch(cmd)
	case cmd.Kind == codec.Lease:
		return s.blockOn(cmd)
	case cmd.Kind == codec.Subscribe:
		return s.subscribe(cmd)
	case cmd.Kind == codec.Unknown:
		return s.unknown(cmd)
	case cmd.Kind == codec.Exec && s.transaction != nil && len(s.transaction.selects) > 0:
		return s.execApart(cmd)
	case cmd.Kind == codec.Exec && s.watches.on() && !s.alone():
		return false
	case cmd.Kind == codec.Fanout && s.resends() && s.awaitsReplies(), // see order.go
		(cmd.Kind == codec.Fanout || cmd.Kind == codec.Walk) && s.awaitsServers(cmd.Alike):
		return false
	}
	s.count(cmd)
	if !cmd.Sole || !s.sole(cmd) {
		s.carryOut(cmd)
	}
	return true
}

// carryOut sends a command that need not wait on its way, or answers it.
func (s *Session) carryOut(cmd *codec.Command) {
	if (s.pool.slotted || cmd.Alike && s.routes != nil) && s.unmapped(cmd) {
		return
	}
	switch cmd.Kind {
	case codec.Scatter:
		if s.pool.slotted || s.routes != nil && s.routes.slotted {
			s.scatterSlots(cmd)
		} else {
			s.scatter(cmd)
		}
	case codec.Fanout:
		s.fanOut(cmd)
	case codec.Anywhere:
		s.sendAnywhere(cmd)
	case codec.Quietly:
		s.forward(cmd)
	case codec.OfSlot:
		place, server := s.pool.Router().Route(cmd.Key)
		s.send(place, server, cmd)
	case codec.Walk:
		s.walk(cmd)
	case codec.Publish:
		s.publish(cmd)
	case codec.Report:
		s.report(cmd)
	case codec.Switch:
		s.change(cmd)
	case codec.Queue:
		s.queue(cmd)
	case codec.Exec:
		s.exec(cmd)
	case codec.Discard:
		s.answerLocal(cmd)
		s.dropTransaction()
		s.unwatch(false)
	case codec.Quit:
		s.answerLocal(cmd)
		s.quit()
	default: // Refuse, or Local
		s.answerLocal(cmd)
	}
}

// forward sends a command as it is to the server that owns its key, or all of its keys.
func (s *Session) forward(cmd *codec.Command) {
	if s.routes != nil {
		s.forwardRouted(cmd)
		return
	}
	r := s.pool.Router()
	place, server := r.Route(cmd.Key)
	if len(cmd.Keys) > 0 {
		s.forwardKeys(ways{router: r}, place, server, cmd)
		return
	}
	s.send(place, server, cmd)
}

// forwardRouted is forward where keys may be other pools'.
func (s *Session) forwardRouted(cmd *codec.Command) {
	if s.routes.dual != nil && cmd.Key != nil && s.doubles(cmd) {
		s.twice(cmd)
		return
	}
	w := s.ways()
	if cmd.Key == nil && len(cmd.Keys) == 0 {
		w.routes = nil // it is about the own servers
	}
	place, server := w.Route(cmd.Key)
	var own *side
	if m := s.routes.mirror; m != nil && s.mayCopy(w, place, server, cmd) {
		if m.answers(s, cmd) && m.ask(s, cmd) {
			return
		}
		own = m.copy(s, cmd) // first: of what is sent nothing may be used afterwards
	}
	if s.routes.spare != nil && w.routes != nil && (len(cmd.Keys) == 0 || s.together(w, place, cmd)) {
		if at, other := s.insteadOf(place, server, cmd); at != place {
			if len(cmd.Keys) > 0 {
				s.aloneLast(at, len(cmd.Keys), cmd.KeyAt(0))
			}
			s.send(at, other, cmd) // a script by name that is not there gets the spare's NOSCRIPT
			if own != nil {
				own.lost()
			}
			return
		}
	}
	if len(cmd.Keys) > 0 {
		s.forwardKeys(w, place, server, cmd)
		return
	}
	asks := s.routes.tier.begin(s, place, cmd)
	switch c := s.send(place, server, cmd); {
	case asks != nil:
		asks.awaits(c)
	case own != nil:
		own.awaits(s, c != nil)
	}
}

// forwardKeys is forward for a command with Keys.
func (s *Session) forwardKeys(r ways, place int, server *topology.Server, cmd *codec.Command) {
	if !s.mayHave(r, place, cmd) {
		s.apart(r, cmd)
		return
	}
	s.aloneLast(place, len(cmd.Keys), cmd.KeyAt(0))
	switch {
	case cmd.Script:
		s.sendScript(place, server, cmd)
	default:
		s.send(place, server, cmd)
	}
}

// send queues a whole command on a connection to server, which it returns, or answers why that can't be. place is the server's index in
// the pool's list; figures count by it.
func (s *Session) send(place int, server *topology.Server, cmd *codec.Command) *backend.Conn {
	conns := s.conns
	if s.routes != nil {
		conns = s.routedTo(place)
	}
	c, err := conns.Conn(server, s.cl.ID)
	if err != nil && s.patientAt(place) {
		c, err = s.connsAt(place).Despite(err, server, s.cl.ID, cmd.Op)
	}
	if err != nil {
		if server == nil && place >= 0 && s.local.reads {
			err = s.noReplica(place)
		}
		switch {
		case s.patientAt(place) && !cmd.NoReply:
			s.hold(place, cmd, err)
		case !cmd.NoReply:
			s.refuse(cmd, err)
		}
		return nil
	}
	c.Touch() // first of all: should what follows panic, c is known to hold half a request
	var r *backend.Request
	if cmd.NoReply {
		c.NoReply()
		s.silent, s.local.mute = s.silent+1, c
		if len(cmd.Frame) >= bigBytes {
			s.local.big.Note(s.origin(), place, cut(cmd.Key), len(cmd.Frame))
		}
	} else {
		r = s.local.servers.NewRequest(s)
		r.Quiet, r.Op, r.Keys = cmd.Quiet, cmd.Op, uint32(max(len(cmd.Keys), 1))
		r.Server, r.Frame = uint16(place), uint32(len(cmd.Frame))
		r.SetKey(cmd.Key)
		if cmd.Mark != 0 {
			r.Mark = cmd.Mark
		}
		s.push(r)
		c.Queue(r)
	}
	if s.local.sampleIn -= max(len(cmd.Keys), 1); s.local.sampleIn <= 0 {
		s.sample(cmd, r, place, nil)
	}
	s.pastCrowd(c)
	switch {
	case len(cmd.Frame) < throughBytes:
		c.Out().Append(s.loop, cmd.Frame)
	case s.giveInput(c, cmd.Frame):
		c.Through(nil) // of cmd nothing may be used afterwards: if all was written, its buffer is free for the next
	default:
		c.Through(cmd.Frame)
	}
	return c
}

// push enters r at the end of the client's order.
func (s *Session) push(r *backend.Request) {
	if s.tail == nil {
		s.head = r
	} else {
		s.tail.Next = r
	}
	s.tail = r
	if s.limiter != nil {
		r.Rules = uint32(s.charged)
	}
	s.tally.InFlight++
	if s.inFlight++; s.inFlight == 1 {
		s.loop.Busy++
	}
}

// pastCrowd has s wait if c, to which it sent something, has as much outstanding as it may.
func (s *Session) pastCrowd(c *backend.Conn) {
	if s.waitsFor&behindServer == 0 && c.Crowded(s) {
		s.waitsFor |= behindServer
	}
}

// giveInput gives the input buffer to the server connection, so that a large command is not copied, if frame is its front
// and buffer: the loop's own is lost when the callback returns.
func (s *Session) giveInput(c *backend.Conn, frame []byte) bool {
	if s.in == nil || &frame[0] != &s.in.B[0] {
		return false
	}
	bb := s.in
	s.in = nil
	if rest := bb.B[len(frame):]; len(rest) > 0 {
		s.keep(rest)
	}
	c.Out().Hand(s.loop, bb, len(frame))
	return true
}

// mayHave says whether cmd, which has several keys, may go to the server at place, which has the first.
func (s *Session) mayHave(r ways, place int, cmd *codec.Command) bool {
	return s.together(r, place, cmd) || s.firstKeyDecides(place, cmd)
}

// together says whether all keys of cmd live at place. The random distribution has no place for a key: the first decides.
func (s *Session) together(r ways, place int, cmd *codec.Command) bool {
	switch {
	case s.pool.random:
		return true
	case r.routes == nil && s.pool.slotted:
		return sameSlot(cmd)
	case s.slottedAt(place) && !sameSlot(cmd):
		return false
	}
	for i := 1; i < len(cmd.Keys); i++ {
		if r.Place(cmd.KeyAt(i)) != place {
			return false
		}
	}
	return true
}
