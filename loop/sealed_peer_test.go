package loop

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"cashew/tests/certtest"
	"cashew/tlsconn"
	"cashew/world/worldtest"
)

// What tests of sealed run on: no sockets, and after the handshake no goroutines.
//
//	peer: crypto/tls, or records by hand --> stream --> fake Socket --> sealed --> handler
//	                                     <-- stream <--             <--        <-- Out

// stream is one direction of a connection in memory.
type stream struct {
	mu   sync.Mutex
	more sync.Cond
	buf  []byte
	eof  bool // nothing will come behind buf
	blck bool // Read waits
}

func newStream() *stream {
	s := &stream{blck: true}
	s.more.L = &s.mu
	return s
}

// errNothing is what Read has of a stream that does not block.
var errNothing net.Error = tlsconn.ErrAgain

func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.buf) == 0 && !s.eof && s.blck {
		s.more.Wait()
	}
	switch {
	case len(s.buf) > 0:
		n := copy(p, s.buf)
		s.buf = s.buf[n:]
		return n, nil
	case s.eof:
		return 0, io.EOF
	}
	return 0, errNothing
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf = append(s.buf, p...)
	s.more.Broadcast()
	return len(p), nil
}

func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.eof = true
	s.more.Broadcast()
}

func (s *stream) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.buf)
}

// end is a side of a connection in memory. What it writes behind the first corked bytes is kept until it is uncorked.
type end struct {
	in, out *stream
	corked  []byte
	cork    bool
	writes  int
}

func (e *end) Read(p []byte) (int, error) { return e.in.Read(p) }

func (e *end) Write(p []byte) (int, error) {
	if e.writes++; e.cork && e.writes > 1 {
		e.corked = append(e.corked, p...)
		return len(p), nil
	}
	return e.out.Write(p)
}

func (e *end) uncork() {
	e.cork = false
	_, _ = e.out.Write(e.corked)
}

func (*end) Close() error                     { return nil }
func (*end) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*end) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*end) SetDeadline(time.Time) error      { return nil }
func (*end) SetReadDeadline(time.Time) error  { return nil }
func (*end) SetWriteDeadline(time.Time) error { return nil }

// fakeSocket is the Socket below: of the stream from the peer it gives, and of that to the peer it takes, as much as a test lets it.
type fakeSocket struct {
	in, out *stream
	room    int // bytes that Write takes
	wErr    error
	ready   func() // of Await

	paused, shut, closed bool
	closes               int
	detached             *fakeSocket
}

func (s *fakeSocket) Read(p []byte) (int, error) {
	if s.closed {
		panic("read from a closed socket")
	}
	n, err := s.in.Read(p)
	if errors.Is(err, errNothing) || errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

func (s *fakeSocket) Write(p []byte) (int, error) {
	switch {
	case s.closed:
		panic("write to a closed socket")
	case s.shut:
		return 0, net.ErrClosed
	case s.wErr != nil:
		return 0, s.wErr
	}
	n := min(len(p), s.room)
	s.room -= n
	return s.out.Write(p[:n])
}

func (*fakeSocket) Writev([][]byte) (int, error) { panic("sealed bytes are in one piece") }

func (s *fakeSocket) CloseWrite() error {
	s.shut = true
	s.out.end()
	return s.wErr
}

func (s *fakeSocket) Await(ready func()) error { s.ready = ready; return nil }
func (s *fakeSocket) Forget()                  { s.ready = nil }
func (s *fakeSocket) Pause()                   { s.paused = true }
func (s *fakeSocket) Resume()                  { s.paused = false }
func (s *fakeSocket) Unread() int              { return s.in.len() }
func (*fakeSocket) Dup() (int, error)          { return 0, nil }
func (*fakeSocket) RemoteAddr() net.Addr       { return &net.TCPAddr{Port: 7} }

func (s *fakeSocket) Detach() (Socket, error) {
	s.detached = &fakeSocket{in: s.in, out: s.out, room: s.room}
	return s.detached, nil
}

func (s *fakeSocket) Close() {
	s.closed = true
	s.closes++
	s.out.end()
}

// give lets the socket take n more bytes and tells who waits for that.
func (s *fakeSocket) give(n int) {
	s.room += n
	if ready := s.ready; ready != nil && s.room > 0 {
		s.ready = nil
		ready()
	}
}

// sealedBase is a Base whose tasks are run by hand, and on which each connection has a fakeSocket.
type sealedBase struct {
	testBase
	sock *fakeSocket
}

func (b *sealedBase) Enroll(l *Loop, nc net.Conn, h Handler) error {
	e := nc.(*end)
	e.in.blck, e.out.blck = false, false
	b.sock.in, b.sock.out = e.in, e.out
	if !l.Opened(h, b.sock) {
		b.sock.Close()
	}
	return nil
}

func (b *sealedBase) run() {
	for len(b.tasks) > 0 {
		f := b.tasks[0]
		b.tasks = b.tasks[1:]
		f()
	}
}

// taker is the Handler above, which writes with an Out.
type taker struct {
	l     *Loop
	sock  Socket
	out   Out
	got   []byte
	ended []error

	onOpen  func()
	onData  func(p []byte)
	onEnded func(err error)
	abandon int
}

func (h *taker) Opened(s Socket) bool {
	h.sock = s
	h.out.Open(s)
	if h.onOpen != nil {
		h.onOpen()
	}
	return true
}

func (h *taker) Data(p []byte) {
	if len(p) == 0 {
		panic("Data of nothing")
	}
	h.got = append(h.got, p...)
	if h.onData != nil {
		h.onData(p)
	}
}

func (h *taker) Ended(err error) bool {
	h.ended = append(h.ended, err)
	if h.onEnded != nil {
		h.onEnded(err)
	}
	return true
}

func (h *taker) Writable()     { h.out.Flush(h.l, h) }
func (h *taker) Abandon(error) { h.abandon++; h.sock.Close() }

// sealedTest is a joined connection with its peer.
type sealedTest struct {
	t    *testing.T
	l    *Loop
	base *sealedBase
	sock *fakeSocket
	h    *taker
	peer *tls.Conn // of crypto/tls; reads and writes never block
	end  *end      // the peer's
	raw  *rawPeer

	ca   *certtest.Authority
	pair *certtest.Pair
}

// sealedConfig says what a sealedTest is to be.
type sealedConfig struct {
	version uint16 // 0: TLS 1.3
	server  bool   // the handler's side is the client of a server
	early   [][]byte
	room    int
	h       *taker
}

// newSealedTest makes both ends, and has them do their handshake and join.
func newSealedTest(t *testing.T, o sealedConfig) *sealedTest {
	t.Helper()
	if o.h == nil {
		o.h = new(taker)
	}
	if o.version == 0 {
		o.version = tls.VersionTLS13
	}
	base := &sealedBase{sock: &fakeSocket{room: o.room}}
	l := NewLoop(base, worldtest.New(time.Now()), slog.New(slog.DiscardHandler))
	o.h.l = l
	y := &sealedTest{t: t, l: l, base: base, sock: base.sock, h: o.h, ca: certtest.New(t, "loop")}
	y.pair = y.ca.Issue(t, certtest.Of{})
	a, b := newStream(), newStream()
	y.end = &end{in: a, out: b, cork: len(o.early) > 0}
	ours := &end{in: b, out: a}
	var keys bytes.Buffer
	pc := &tls.Config{
		RootCAs: y.ca.Pool, ServerName: "localhost", Certificates: []tls.Certificate{y.pair.TLS(t)}, MinVersion: o.version, MaxVersion: o.version,
		KeyLogWriter: &keys,
	}
	c := y.handshake(o, pc, ours)
	y.end.in.blck, y.end.out.blck = false, false
	y.raw = newRawPeer(&keys, y.end, o.server)
	if err := l.Enroll(c, o.h); err != nil {
		t.Fatal(err)
	}
	base.run()
	return y
}

// handshake has the peer on a goroutine of its own. early leaves with the last flight of a client of TLS 1.3.
func (y *sealedTest) handshake(o sealedConfig, pc *tls.Config, ours *end) *tlsconn.Conn {
	y.t.Helper()
	peerDone := make(chan error, 1)
	y.peer = tls.Client(y.end, pc)
	if o.server {
		y.peer = tls.Server(y.end, pc)
	}
	go func() {
		err := y.peer.Handshake()
		for _, p := range o.early {
			_, e := y.peer.Write(p)
			err = errors.Join(err, e)
		}
		y.end.uncork()
		peerDone <- err
	}()
	var c *tlsconn.Conn
	var err error
	if o.server {
		k, e := tlsconn.NewConnector(tlsconn.ToServers{ServerTLS: true, ServerTLSCACertFile: y.ca.File})
		if e != nil {
			y.t.Fatal(e)
		}
		c, err = k.Handshake(ours, "localhost:1")
	} else {
		a, e := tlsconn.NewAcceptor(tlsconn.FromClients{TLS: tlsconn.On, TLSCertFile: y.pair.Cert, TLSKeyFile: y.pair.Key}, nil)
		if e != nil {
			y.t.Fatal(e)
		}
		c, err = a.Handshake(context.Background(), ours, tlsconn.NewGate(y.l.World, 1))
	}
	if err := errors.Join(err, <-peerDone); err != nil {
		y.t.Fatal(err)
	}
	return c
}

// deliver has the reactor read up to n bytes of what the peer sent, once.
func (y *sealedTest) deliver(n int) bool {
	if y.sock.paused || y.sock.closed {
		return false
	}
	buf := make([]byte, n)
	n, err := y.sock.in.Read(buf)
	switch {
	case n > 0:
		y.l.Data(y.handler(), buf[:n])
		return true
	case errors.Is(err, io.EOF) && len(y.h.ended) == 0:
		y.hangUp(io.EOF)
	}
	return false
}

// hangUp has the reactor say that the peer ended: it closes the socket behind that.
func (y *sealedTest) hangUp(err error) {
	y.l.Ended(y.handler(), err)
	if !y.sock.closed {
		y.sock.closed = true // by the reactor
	}
}

// handler is what the reactor has for the connection.
func (y *sealedTest) handler() Handler { return y.h.sock.(*sealed) }

// all delivers all that has come, and runs all tasks.
func (y *sealedTest) all() {
	y.base.run()
	for y.deliver(64 << 10) {
		y.base.run()
	}
	y.base.run()
}

// peerWrites has the peer send p in one call.
func (y *sealedTest) peerWrites(p []byte) {
	y.t.Helper()
	if _, err := y.peer.Write(p); err != nil {
		y.t.Fatal(err)
	}
}

// peerReads is all that the peer can open now.
func (y *sealedTest) peerReads() (got []byte, err error) {
	buf := make([]byte, 64<<10)
	for {
		n, err := y.peer.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			if errors.Is(err, errNothing) {
				err = nil
			}
			return got, err
		}
	}
}

// rawPeer makes and opens records of TLS 1.3 by hand, for what crypto/tls does not send: once it is used, y.peer is no more.
// Source: RFC 8446, sections 5.2, 5.3 and 7.1; of TLS_AES_128_GCM_SHA256 alone.
type rawPeer struct {
	end       *end
	mine, his rawKeys
	buf       []byte
}

type rawKeys struct {
	secret []byte
	seq    uint64
}

func newRawPeer(log *bytes.Buffer, e *end, isServer bool) *rawPeer {
	r := &rawPeer{end: e}
	for line := range strings.Lines(log.String()) {
		f := strings.Fields(line)
		secret, err := hex.DecodeString(f[2])
		if err != nil {
			panic(err)
		}
		switch {
		case f[0] == "CLIENT_TRAFFIC_SECRET_0" && !isServer, f[0] == "SERVER_TRAFFIC_SECRET_0" && isServer:
			r.mine.secret = secret
		case strings.HasSuffix(f[0], "TRAFFIC_SECRET_0"):
			r.his.secret = secret
		}
	}
	return r
}

func (k *rawKeys) label(name string, n int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(append(info, byte(6+len(name))), "tls13 "+name...)
	out, err := hkdf.Expand(sha256.New, k.secret, string(append(info, 0)), n)
	if err != nil {
		panic(err)
	}
	return out
}

func (k *rawKeys) next() (aead cipher.AEAD, nonce []byte) {
	b, err := aes.NewCipher(k.label("key", 16))
	if err != nil {
		panic(err)
	}
	if aead, err = cipher.NewGCM(b); err != nil {
		panic(err)
	}
	nonce = k.label("iv", 12)
	for i := range 8 {
		nonce[11-i] ^= byte(k.seq >> (8 * i))
	}
	k.seq++
	return aead, nonce
}

func (k *rawKeys) update() { k.secret, k.seq = k.label("traffic upd", 32), 0 }

const (
	typeAlert     = 21
	typeHandshake = 22
	typeData      = 23
)

// record is a record of that type.
func (r *rawPeer) record(typ byte, p []byte) []byte {
	aead, nonce := r.mine.next()
	inner := append(append([]byte(nil), p...), typ)
	head := []byte{typeData, 3, 3, 0, 0}
	binary.BigEndian.PutUint16(head[3:], uint16(len(inner)+aead.Overhead()))
	return aead.Seal(head, nonce, inner, head)
}

func (r *rawPeer) send(typ byte, p []byte) { _, _ = r.end.out.Write(r.record(typ, p)) }

// keyUpdate changes the keys with which r sends. ask: the other side has to do so, too.
func (r *rawPeer) keyUpdate(ask bool) {
	msg := []byte{24, 0, 0, 1, 0}
	if ask {
		msg[4] = 1
	}
	r.send(typeHandshake, msg)
	r.mine.update()
}

// reads opens what came: the data, how many key updates, and the alerts.
func (r *rawPeer) reads() (data []byte, updates int, alerts []byte, err error) {
	more := make([]byte, r.end.in.len())
	n, _ := r.end.in.Read(more)
	r.buf = append(r.buf, more[:n]...)
	for len(r.buf) >= 5 {
		n := 5 + int(binary.BigEndian.Uint16(r.buf[3:]))
		if len(r.buf) < n {
			break
		}
		aead, nonce := r.his.next()
		inner, err := aead.Open(nil, nonce, r.buf[5:n], r.buf[:5])
		if err != nil {
			return data, updates, alerts, fmt.Errorf("record %d: %w", r.his.seq-1, err)
		}
		r.buf = r.buf[n:]
		inner, typ := inner[:len(inner)-1], inner[len(inner)-1]
		switch {
		case typ == typeData:
			data = append(data, inner...)
		case typ == typeAlert:
			alerts = append(alerts, inner[1])
		case typ == typeHandshake && inner[0] == 24:
			updates++
			r.his.update()
		}
	}
	return data, updates, alerts, nil
}

// noise is n bytes of it.
func noise(rnd *rand.Rand, n int) []byte {
	p := make([]byte, 0, n+8)
	for len(p) < n {
		p = binary.LittleEndian.AppendUint64(p, rnd.Uint64())
	}
	return p[:n]
}
