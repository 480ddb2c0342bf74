//go:build unix

package difftest

import (
	"bytes"
	"net"
	"strings"
	"testing"
)

func mcBadInputs() []badInput {
	big := func(s string, n int) []byte { return bytes.Repeat([]byte(s), n) }
	rng := newRand(1)
	garbage := make([]byte, 1<<20)
	for i := range garbage {
		garbage[i] = byte(rng.Uint32())
	}
	garbage[0] = 'g'
	many := 1_000_000
	if raceEnabled {
		many = 100_000
	}
	return []badInput{
		{"garbage", garbage, anyhow},
		{"garbage behind a get", append([]byte("get "), garbage...), anyhow},
		{"garbage behind a set", append([]byte("set a 0 0 1\r\n"), garbage...), anyhow},
		{"garbage of lines", bytes.ReplaceAll(garbage, []byte{'1'}, []byte("\r\n")), anyhow},
		{"http", []byte("GET / HTTP/1.1\r\nAccept: */*\r\n\r\n"), closes},
		{"tls hello", []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"), closes},
		{"redis", []byte("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"), stays},

		{"half a line", []byte("get a"), waits},
		{"half a line end", []byte("get a\r"), waits},
		{"half a data block", append([]byte("set a 0 0 1000000\r\n"), big("x", 500_000)...), waits},
		{"half a quiet data block", append([]byte("ms a 1000000 q\r\n"), big("x", 500_000)...), waits},
		{"no line end behind a data block", []byte("set a 0 0 1\r\nx"), waits},
		{"half a line end behind a data block", []byte("set a 0 0 1\r\nx\r"), waits},
		{"a data block missing", []byte("set a 0 0 100\r\n"), waits},
		{"half a wide get", append([]byte("get"), big(" some-key", 10_000)...), waits},

		{"long key", []byte("get " + key251 + "\r\nset " + key251 + " 0 0 1\r\nx\r\nmg " + key251 + "\r\n"), stays},
		{"very long key", append(append([]byte("get "), big("k", 1<<20)...), "\r\n"...), stays},
		{"very long key to set", append(append([]byte("set "), big("k", 1900)...), " 0 0 1\r\nx\r\n"...), stays},
		{"length too short", []byte("set a 0 0 1\r\n12345\r\n"), stays},
		{"length too long", []byte("set a 0 0 7\r\n12345\r\nxy\r\n"), stays},
		{"length no number", []byte("set a 0 0 x\r\n"), stays},
		{"length negative", []byte("set a 0 0 -1\r\n"), stays},
		{"length of 2^64+1", []byte("set a 0 0 18446744073709551617\r\n"), stays},
		{"length of endless digits", append([]byte("set a 0 0 "), big("1", 1<<20)...), closes},
		{"length of a gigabyte", append([]byte("set a 0 0 1000000000\r\n"), big("x", 1<<20)...), anyhow},
		{"length of 2 GB", append([]byte("set a 0 0 2147483645\r\n"), big("x", 1<<20)...), anyhow},
		{"missing line end", []byte("set a 0 0 1\r\nxget b\r\n"), stays},
		{"bare line feeds", []byte("get none\nset a 0 0 1\nx\nbogus\n"), anyhow},
		{"zero bytes", []byte("get a\x00b\r\nset a\x00 0 0 1\r\nx\r\n\x00\x00\r\nmg \x00\r\n"), stays},
		{"control bytes", []byte("\x01\x02\x1b\r\n\x7f\r\n"), stays},
		{"too large", append(append([]byte("set a 0 0 2000000\r\n"), big("x", 2_000_000)...), "\r\n"...), stays},
		{"too large and quiet", append(append([]byte("ms a 2000000 q\r\n"), big("x", 2_000_000)...), "\r\n"...), stays},

		{"very many empty lines", big("\r\n", many), upToNow},
		{"very many unknown commands", big("x\r\n", many), upToNow},
		{"very many bad sets", big("set a\r\n", many), upToNow},
		{"megabytes without a line end", big("x", 32<<20), closes},
		{"megabytes of spaces", big(" ", 32<<20), closes},
		{"megabytes of zeros", big("\x00", 32<<20), closes},
		{"megabytes of one key", append([]byte("get "), big("x", 32<<20)...), closes},
		{"megabytes of keys", append([]byte("get"), big(" k", 16<<20)...), closes},
		{"megabytes of meta flags", append([]byte("mg a"), big(" k", 16<<20)...), closes},
	}
}

// mcIsError tells whether line is one of memcached's error lines.
func mcIsError(line string) bool {
	return line == "ERROR\r\n" || strings.HasPrefix(line, "CLIENT_ERROR ") || strings.HasPrefix(line, "SERVER_ERROR ")
}

// TestMemcachedBadInput sends bad input behind a good request, while others use the same pool.
func TestMemcachedBadInput(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client and drops owed replies, 7.2")
	servers := startMemcacheds(t, 2)
	p := startLoops(t, 2, mcPoolOf(servers, spread...))
	addr := p.addr("p")
	l := startMCLoad(t, addr, mcOwners(t, addr, servers, "key:%d", 40), 4)
	withstand(t, p, l, mcBadInputs(), mcBadTraffic)
}

func mcBadTraffic(t *testing.T, addr string, bad badInput) {
	t.Helper()
	c := dial(t, addr)
	defer c.close()
	c.send([]byte(mcSet("owed", "1")))
	wrote := make(chan error, 1)
	go func() {
		_, err := c.conn.Write(bad.bytes)
		wrote <- err
	}()
	if got := c.mcReply(); got != "STORED\r\n" {
		t.Fatalf("owed reply = %q", got)
	}
	owed := mcHit("owed", "1")
	switch bad.want {
	case closes:
		if got := c.untilEnd(); !mcIsError(got) || strings.Count(got, "\r\n") != 1 {
			// A client that still writes may lose the error to a reset.
			if err := <-wrote; err == nil || got != "" {
				t.Errorf("got %q, want one error line and the end (write: %v)", clip(got), err)
			}
		}
	case stays:
		if err := <-wrote; err != nil {
			t.Fatalf("write: %v", err)
		}
		c.send([]byte(mcGet("owed")))
		got := c.mcReply()
		for mcIsError(got) {
			got = c.mcReply()
		}
		if got != owed {
			t.Errorf("the connection does not go on: %q", got)
		}
	case upToNow:
		for i := range bytes.Count(bad.bytes, []byte("\n")) {
			if got := c.mcReply(); got != "ERROR\r\n" {
				t.Fatalf("reply %d = %q", i, got)
			}
		}
		c.expect(owed, mcGet("owed"))
	case waits:
		if err := <-wrote; err != nil {
			t.Fatalf("write: %v", err)
		}
		other := dial(t, addr)
		other.expect(owed, mcGet("owed"))
		other.close()
		c.closeWrite()
		if got := c.untilEnd(); got != "" {
			t.Errorf("got %q for half a request, want nothing", clip(got))
		}
	case anyhow:
		go func() {
			<-wrote
			c.conn.(*net.TCPConn).CloseWrite() // fails if it is closed already
		}()
		got := c.untilEnd()
		for line := range strings.Lines(got) {
			if !mcIsError(line) && line != "END\r\n" && line != "STORED\r\n" {
				t.Errorf("got %q in %q, want nothing but errors", clip(line), clip(got))
				break
			}
		}
	}
}
