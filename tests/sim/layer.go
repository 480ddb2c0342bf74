package sim

import (
	"slices"

	"cashew/loop"
	"cashew/loop/looptest"
)

// wire stands between a connection and the looptest.Layer above it, and takes that one's code away: so nobody outside has to know
// of it, and what does not pass through the Layer is garbage there.
type wire struct {
	loop.Socket // the connection; the methods that wire has not go there

	above   *looptest.Layer
	out, in int // bytes that were written and that came, ever: the code depends on the place
}

var (
	_ loop.Handler = (*wire)(nil)
	_ loop.Socket  = (*wire)(nil)
)

// layer is what a loop has as the handler of a connection in place of h. How it cuts does not depend on the world's seed: a script
// has the same outcome whatever that is, but some have another with some cuts, as where an error's first words come in two pieces.
func (b *base) layer(h loop.Handler) loop.Handler {
	b.layers++
	return &wire{above: looptest.NewLayer(b.loop, h, b.layers)}
}

// Opened implements loop.Handler.
func (w *wire) Opened(s loop.Socket) bool {
	w.Socket = s
	return w.above.Opened(w)
}

// Data implements loop.Handler.
func (w *wire) Data(p []byte) {
	w.came(p)
	w.above.Data(p)
}

func (w *wire) came(p []byte) {
	looptest.Code(p, w.in)
	w.in += len(p)
}

func (w *wire) Ended(err error) bool { return w.above.Ended(err) }
func (w *wire) Writable()            { w.above.Writable() }
func (w *wire) Abandon(err error)    { w.above.Abandon(err) }

// Read implements loop.Socket.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Socket.Read(p)
	w.came(p[:n])
	return n, err
}

// Write implements loop.Socket.
func (w *wire) Write(p []byte) (int, error) {
	p = slices.Clone(p)
	looptest.Code(p, w.out)
	n, err := w.Socket.Write(p)
	w.out += n
	return n, err
}

// Writev implements loop.Socket: a Layer calls it never.
func (*wire) Writev([][]byte) (int, error) { panic("sim: a layer writes one slice at a time") }

// Detach implements loop.Socket.
func (w *wire) Detach() (loop.Socket, error) {
	s, err := w.Socket.Detach()
	if err != nil {
		return nil, err
	}
	return &wire{Socket: s, above: w.above, out: w.out, in: w.in}, nil
}
