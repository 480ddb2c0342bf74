package session

import (
	"cmp"

	"cashew/codec"
	"cashew/loop"
)

// A client may leave its loop for another process, between two of its commands: all that is to know of it is Parted, which
// Local.Part takes and Restore makes a client of.

// Parted is a client that its loop let go of.
type Parted struct {
	State State
	Input []byte
	FD    int
}

// State is what goes with a client's descriptor.
type State struct {
	Pool string // "" for a client of another profile than the plain one, or one that is barred: it stands in Switched
	// Switched is such a client's pool. A program that knows of neither finds no pool, and leaves the client where it is,
	// rather than answer it in another version, or what it must not run.
	Switched string        `json:",omitempty"`
	Profile  codec.Profile `json:",omitempty"`
	// Selected is the pool of a client in another database than that it began in, in place of both: a program that does not know of
	// databases finds no pool. DB is the database; nil: the client's pool has but one.
	Selected string `json:",omitempty"`
	DB       *int   `json:",omitempty"`
	// Member is the pool of a client that has a user, in place of all three: a program that does not know of users finds no pool, rather than
	// let the client do whatever it likes. User is the user's name; "": the client's pool has none.
	Member string `json:",omitempty"`
	User   string `json:",omitempty"`
	Known  bool   `json:",omitempty"` // codec.Client.Known
	Moves  uint8  `json:",omitempty"` // codec.Client.Moves
	Wishes uint8  `json:",omitempty"` // codec.Client.Wishes
	Bar    uint16 `json:",omitempty"` // codec.Client.Bar; such a client's pool stands in Switched, too

	Addr    string
	LAddr   string `json:",omitempty"` // "": as the socket says; a PROXY header may have told another
	Authed  bool
	Unsure  bool `json:",omitempty"` // what the client wrote may be lost, and it was not told
	Masters bool `json:",omitempty"` // codec.Client.Masters
	Name    string
	Lib     string
	LibVer  string
	Input   int // bytes that follow: read from the client, and not taken

	Scripts [][]byte `json:",omitempty"` // with the first client of a pool: those that the pool knows
}

// In is the name of the client's pool.
func (c *State) In() string {
	return cmp.Or(c.Pool, c.Switched, c.Selected, c.Member)
}

// Part lets go of up to n clients that are at a boundary, and has up to n of the others come to one: they send no further
// command until they are given away. left is how many more can be given away, stays how many can't.
func (l *Local) Part(n int) (gone []Parted, left, stays int) {
	asked := 0
	for s := range l.sessions.all {
		switch {
		case s.stays || !loop.Movable(s.sock) || s.subscribes() || s.own != nil || s.life != live || !s.attached():
			stays++
			s.goesOn()
		case len(gone) < n && s.atBoundary():
			if c, ok := s.part(); ok {
				gone = append(gone, c)
				continue
			}
			s.stays = true
			stays++
		default:
			if s.waitsFor&behindHandOver == 0 && asked < n {
				s.waitsFor |= behindHandOver
				asked++
				s.partSoon()
			}
			left++
		}
	}
	return gone, left, stays
}

// Stay has the clients that were to be given away go on here.
func (l *Local) Stay() {
	for s := range l.sessions.all {
		s.stays = false // another process may want it
		s.goesOn()
	}
}

// partSoon has s, whose command may be blocked for ever, send it again to the other process, after a moment.
func (s *Session) partSoon() {
	if s.blocks.lease != nil {
		s.loop.After(s.local.grace(), func() {
			if s.waitsFor&behindHandOver != 0 {
				s.interrupt()
			}
		})
	}
}

// atBoundary says that nothing is owed to s, and that its input can be read again from the first byte that was kept.
func (s *Session) atBoundary() bool {
	return s.owedNothing() && s.out.Pending() == 0 && !s.holdsOn() && (s.between() || s.in != nil && !s.blocked) && !s.rewritten()
}

// part takes s apart: its client lives on with the descriptor.
func (s *Session) part() (c Parted, ok bool) {
	fd, err := s.sock.Dup()
	if err != nil {
		return c, false
	}
	c.FD = fd
	if s.in != nil {
		c.Input = append(c.Input, s.in.B...)
	}
	c.State = s.state(len(c.Input))
	s.close()
	return c, true
}

// state is what another process has to know of s, besides so many bytes of input.
func (s *Session) state(input int) State {
	c := State{
		Pool: s.pool.Name, Profile: s.cl.Profile, Bar: s.cl.Bar, Moves: s.cl.Moves, Wishes: s.cl.Wishes, Addr: s.cl.Addr, LAddr: s.cl.LAddr, Authed: s.cl.Authed,
		Masters: s.cl.Masters, Unsure: s.unsure || s.standing != s.group.Standing(), Name: s.cl.Name, Lib: s.cl.Lib, LibVer: s.cl.LibVer, Input: input,
	}
	if c.Profile != 0 || c.Bar != 0 {
		c.Pool, c.Switched = "", s.pool.Name
	}
	if p := s.pool.Protocol; p.Databases() > 0 {
		db := s.cl.DB
		c.DB = &db
		if s.cl.DB != p.Home() {
			c.Pool, c.Switched, c.Selected = "", "", s.pool.Name
		}
	}
	c.Known = s.cl.Known
	if c.User = s.userName(); c.User != "" {
		c.Pool, c.Switched, c.Selected, c.Member = "", "", "", s.pool.Name
	}
	return c
}

// goesOn has s take commands again that was to be given away.
func (s *Session) goesOn() {
	if s.waitsFor&behindHandOver != 0 {
		s.waitsFor &^= behindHandOver
		s.unblock()
	}
}

// Restore is New for a client that was parted, whose user p still has. ours: it was of this process, and no other wants it.
func Restore(l *Local, p *Pool, id uint64, c Parted, ours bool) *Session {
	s := New(l, p, id, c.State.Addr)
	db := s.cl.DB
	if c.State.DB != nil {
		db = *c.State.DB
	}
	s.cl = codec.Client{
		ID: id, Profile: c.State.Profile, DB: db, Bar: c.State.Bar, Moves: c.State.Moves, Wishes: c.State.Wishes, Addr: c.State.Addr, LAddr: c.State.LAddr, Authed: c.State.Authed,
		Masters: c.State.Masters, Known: c.State.Known, Name: c.State.Name, Lib: c.State.Lib, LibVer: c.State.LibVer,
	}
	p.Protocol.Rejoin(&s.cl, c.State.User)
	s.restored = true
	s.handed, s.stays, s.unsure = c.Input, ours, c.State.Unsure
	return s
}
