package resp

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	for op := 1; op < len(commands); op++ {
		c := &commands[op]
		if len(c.name) > maxNameLen && c.parent == 0 {
			t.Errorf("%s is longer than %d bytes", c.name, maxNameLen)
		}
		if c.name != strings.ToLower(c.name) {
			t.Errorf("%s is not in lower case", c.name)
		}
		want := op
		if c.parent != 0 {
			want = 0
		}
		for _, name := range []string{c.name, strings.ToUpper(c.name), strings.ToUpper(c.name[:1]) + c.name[1:]} {
			frame := []byte("xx" + name + "\r\nGET etc.")
			if got := lookup(frame, 2, len(name)); got != want {
				t.Errorf("lookup(%q) = %d; want %d", name, got, want)
			}
			if got := lookup(frame[:2+len(name)], 2, len(name)); got != want {
				t.Errorf("lookup(%q) at the buffer's end = %d; want %d", name, got, want)
			}
			for _, other := range []string{name + "x", name + "\x00", "x" + name, name[1:] + "\x80"} {
				if got := lookup([]byte(other+"        "), 0, len(other)); got != 0 && commands[got].name != strings.ToLower(other) {
					t.Errorf("lookup(%q) = %s", other, commands[got].name)
				}
			}
		}
	}
}

func TestLower(t *testing.T) {
	for c := range 256 {
		var b [8]byte
		for i := range b {
			b[i] = byte(c + i*31)
		}
		x := lower(binary.LittleEndian.Uint64(b[:]))
		for i := range b {
			want := b[i]
			if 'A' <= want && want <= 'Z' {
				want += 'a' - 'A'
			}
			if got := byte(x >> (8 * i)); got != want {
				t.Errorf("lower(%#x) = %#x; want %#x", b[i], got, want)
			}
		}
	}
}

func FuzzLookup(f *testing.F) {
	f.Add([]byte("GET"))
	f.Add([]byte("geoRADIUSbymember_ro"))
	f.Fuzz(func(t *testing.T, name []byte) {
		want := 0
		for op := 1; op < len(commands); op++ {
			if c := &commands[op]; c.parent == 0 && equalFold(name, c.name) {
				want = op
			}
		}
		if got := lookup(append(bytes.Clone(name), "\r\n$3\r\nkey\r\n"...), 0, len(name)); got != want {
			t.Errorf("lookup(%q) = %d; want %d", name, got, want)
		}
	})
}
