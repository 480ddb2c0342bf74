package near

import "sync/atomic"

// Source is what one server tells of writes, by a connection that one loop has and that all loops go by:
//
//	closed --Open--> open, in another era --Close--> closed, in yet another
//
// What was asked in one era is not given in another.
type Source struct {
	era    atomic.Uint32
	number atomic.Int64 // of the connection, as the server has it; 0: closed; Untold
}

// Open has it tell from now on, over the connection that has a number.
func (s *Source) Open(number int64) {
	s.era.Add(1)
	s.number.Store(number)
}

// Close notes that writes may have been that it has not told, and will not tell.
func (s *Source) Close() {
	s.number.Store(0)
	s.era.Add(1)
}

// Miss notes that it will not tell of writes to what was read over one of the server's connections, which has ended: with that a server forgets what was
// read over it.
func (s *Source) Miss() { s.era.Add(1) }

// Untold is the number of a server that can be asked, and does not tell of writes.
const Untold = -1

// Refuse takes note that the server does not tell what it was asked to tell a connection with a number.
func (s *Source) Refuse(number int64) {
	if s.number.CompareAndSwap(number, Untold) {
		s.era.Add(1)
	}
}

// Number is that of the connection over which it tells; 0: it does not, for now.
func (s *Source) Number() int64 { return s.number.Load() }

// Era is another number once it may have missed something.
func (s *Source) Era() uint32 { return s.era.Load() }
