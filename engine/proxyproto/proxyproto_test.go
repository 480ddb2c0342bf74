package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
)

// v2 is a header of version 2 with the length of its fields.
func v2(command, family byte, fields string) string {
	b := append([]byte(signature), command, family)
	return string(binary.BigEndian.AppendUint16(b, uint16(len(fields)))) + fields
}

var addrs4 = "\xc0\x00\x02\x07\xc6\x33\x64\x01\x9c\x40\x18\xeb" // 192.0.2.7:40000 to 198.51.100.1:6379

func addrs6(from string) string {
	a, b := netip.MustParseAddr(from).As16(), netip.MustParseAddr("2001:db8::1").As16()
	return string(a[:]) + string(b[:]) + "\x9c\x40\x18\xeb"
}

// TestRead: each header is understood and read to its last byte, however the bytes come.
func TestRead(t *testing.T) {
	told := func(from, to string) Header {
		return Header{Source: netip.MustParseAddrPort(from), Destination: netip.MustParseAddrPort(to)}
	}
	four := told("192.0.2.7:40000", "198.51.100.1:6379")
	for _, c := range []struct {
		name, header string
		want         Header
	}{
		{"v1 of IPv4", "PROXY TCP4 192.0.2.7 198.51.100.1 40000 6379\r\n", four},
		{"the shortest of IPv4", "PROXY TCP4 1.1.1.1 2.2.2.2 1 0\r\n", told("1.1.1.1:1", "2.2.2.2:0")},
		{"the shortest of IPv6", "PROXY TCP6 :: :: 1 2\r\n", told("[::]:1", "[::]:2")},
		{"v1 of IPv6", "PROXY TCP6 2001:db8::7 2001:db8::1 40000 6379\r\n", told("[2001:db8::7]:40000", "[2001:db8::1]:6379")},
		{"IPv4 in IPv6", "PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 40000 6379\r\n", four},
		{
			"the longest", "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
			told("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"),
		},
		{"UNKNOWN", "PROXY UNKNOWN\r\n", Header{}},
		{"the longest UNKNOWN", "PROXY UNKNOWN " + strings.Repeat("x ", 45) + "y\r\n", Header{}},
		{"v2 of IPv4", v2(0x21, tcp4, addrs4), four},
		{"v2 with TLVs", v2(0x21, tcp4, addrs4+"\x04\x00\x05noise"), four},
		{"v2 of IPv6", v2(0x21, tcp6, addrs6("2001:db8::7")), told("[2001:db8::7]:40000", "[2001:db8::1]:6379")},
		{"v2 of IPv4 in IPv6", v2(0x21, tcp6, addrs6("::ffff:192.0.2.7")), told("192.0.2.7:40000", "[2001:db8::1]:6379")},
		{"v2 of a unix socket", v2(0x21, unixStream, "/a"+strings.Repeat("\x00", bytesUnix-2)), Header{Unix: true}},
		{"LOCAL", v2(0x20, unspecified, ""), Header{}},
		{"LOCAL with addresses", v2(0x20, tcp4, addrs4), Header{}},
		{"UNSPEC", v2(0x21, unspecified, "whatever"), Header{}},
		{"as much as is read", v2(0x21, tcp4, addrs4+strings.Repeat("x", maxFields-bytes4)), four},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, wrap := range map[string]func(io.Reader) io.Reader{
				"whole": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader,
			} {
				r := strings.NewReader(c.header + "*1\r\n")
				if h, err := Read(wrap(r)); err != nil || h != c.want {
					t.Fatalf("%s: %+v, %v; want %+v", name, h, err, c.want)
				}
				if rest, _ := io.ReadAll(r); string(rest) != "*1\r\n" {
					t.Errorf("%s: %q is left behind the header", name, rest)
				}
			}
			for n := range len(c.header) {
				want := io.ErrUnexpectedEOF
				if n == 0 {
					want = io.EOF
				}
				if h, err := Read(strings.NewReader(c.header[:n])); !errors.Is(err, want) {
					t.Fatalf("cut at %d: %+v, %v", n, h, err)
				}
			}
		})
	}
}

// TestReadWrong: what is no header, or none that can be meant, is refused, with what is wrong.
func TestReadWrong(t *testing.T) {
	for _, c := range []struct{ header, want string }{
		{"*1\r\n$4\r\nPING\r\n*1\r\n", "there is no PROXY header"},
		{"PROXYTCP4 1.1.1.1 ", "there is no PROXY header"},
		{"\r\n\r\n\x00\r\nQUIT\r   ", "there is no PROXY header"},
		{"PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n", `"TCP5"`},
		{"PROXY UNKNOWN_\r\n", `"UNKNOWN_"`},
		{"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n", "7 fields"},
		{"PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n\r\n\r\n", "5 fields"},
		{"PROXY TCP4 \r\n*1\r\n$4\r\nPING\r\n", "line feed"},
		{"PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n", "7 fields"},
		{"PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n", `"65536" is no port`},
		{"PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n", `"01" is no port`},
		{"PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n", `"+1" is no port`},
		{"PROXY TCP4 1.1.1.256 2.2.2.2 1 2\r\n", `"1.1.1.256"`},
		{"PROXY TCP4 ::1 2.2.2.2 1000 2000\r\n", `"::1"`},
		{"PROXY TCP6 1.1.1.1 ::1 1000 2000\r\n", `"1.1.1.1"`},
		{"PROXY TCP6 fe80::1%eth0 ::1 1000 2000\r\n", `"fe80::1%eth0"`},
		{"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n" + strings.Repeat("x", 100), "line feed"},
		{"PROXY UNKNOWN " + strings.Repeat("x", 100), "longer than 107"},
		{v2(0x11, tcp4, addrs4), "version 1"},
		{v2(0x22, tcp4, addrs4), "command 2"},
		{v2(0x21, 0x12, addrs4), "0x12"},
		{v2(0x21, 0x41, addrs4), "0x41"},
		{v2(0x21, tcp4, addrs4[:11]), "11 bytes are too few"},
		{v2(0x21, tcp6, addrs4), "12 bytes are too few"},
		{v2(0x21, unixStream, addrs4), "12 bytes are too few"},
		{v2(0x21, tcp4, addrs4+strings.Repeat("x", maxFields)), "at most 16384"},
	} {
		if h, err := Read(strings.NewReader(c.header)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: %+v, %v; want an error with %q", c.header, h, err, c.want)
		}
	}
}

// FuzzRead: nothing is read behind a header, what is read decides alone, and what comes of it is one of few shapes.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"PROXY TCP4 192.0.2.7 198.51.100.1 40000 6379\r\n", "PROXY TCP6 ::1 ::2 1 2\r\n", "PROXY UNKNOWN\r\n",
		v2(0x21, tcp4, addrs4), v2(0x21, tcp6, addrs6("::1")), v2(0x20, 0, ""), v2(0x21, unixStream, strings.Repeat("/", bytesUnix)),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		h, err := Read(r)
		read := b[:len(b)-r.Len()]
		if len(read) > prefix+maxFields {
			t.Fatalf("%d bytes are read", len(read))
		}
		again, e := Read(iotest.OneByteReader(bytes.NewReader(append(bytes.Clone(read), "PING\r\n"...))))
		if len(b) > 0 && !errors.Is(err, io.ErrUnexpectedEOF) && (again != h || (err == nil) != (e == nil)) { // else there is more to come
			t.Fatalf("%q: %+v, %v; in pieces %+v, %v", b, h, err, again, e)
		}
		if err != nil {
			if h != (Header{}) {
				t.Errorf("%q: %+v beside %v", b, h, err)
			}
			return
		}
		if isLine := bytes.HasPrefix(read, []byte("PROXY ")); isLine && (bytes.Index(read, []byte("\r\n")) != len(read)-2 || len(read) > maxLine) {
			t.Errorf("%q is read of %q", read, b)
		} else if !isLine && len(read) != prefix+int(binary.BigEndian.Uint16(read[14:])) {
			t.Errorf("%d bytes are read of %q", len(read), b)
		}
		if h.Source.IsValid() != h.Destination.IsValid() || h.Unix && h.Source.IsValid() || h.Source.Addr().Is4In6() || h.Source.Addr().Zone() != "" {
			t.Errorf("%q: %+v", b, h)
		}
	})
}
