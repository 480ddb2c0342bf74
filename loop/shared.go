package loop

import "github.com/valyala/bytebufferpool"

// Shared is bytes that many connections of a loop have to write, each in its own time, as a message that thousands are subscribed to:
// there is one copy of them, which is given back once nobody holds it.
type Shared struct {
	bb   *bytebufferpool.ByteBuffer
	refs int
}

// NewShared shares bb, which is the Shared's from then on; the caller holds it, until Release.
func NewShared(bb *bytebufferpool.ByteBuffer) *Shared { return &Shared{bb: bb, refs: 1} }

// Bytes are those that are shared. Nobody may change them once a second holds them.
func (m *Shared) Bytes() []byte { return m.bb.B }

// Hold holds m once more.
func (m *Shared) Hold() { m.refs++ }

// Release lets go of m.
func (m *Shared) Release(l *Loop) {
	if m.refs--; m.refs == 0 {
		l.PutBuffer(m.bb)
		m.bb = nil
	}
}
