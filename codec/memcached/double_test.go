package memcached

import (
	"encoding/binary"
	"testing"

	"cashew/codec"
)

// TestDoubles: which commands all servers with the same data have to be sent, and which must not be sent to several.
func TestDoubles(t *testing.T) {
	frame := func(code byte, cas uint64, extras, key string) string {
		b := make([]byte, headerSize)
		b[0], b[1], b[4] = magicRequest, code, byte(len(extras))
		binary.BigEndian.PutUint16(b[2:], uint16(len(key)))
		binary.BigEndian.PutUint32(b[8:], uint32(len(extras)+len(key)))
		binary.BigEndian.PutUint64(b[16:], cas)
		return string(b) + extras + key
	}
	for text, want := range map[string]struct{ writes, refused bool }{
		"get a\r\n":                        {false, false},
		"gets a b\r\n":                     {false, false},
		"gat 1 a\r\n":                      {true, false},
		"gats 1 a b\r\n":                   {true, false},
		"set a 0 0 1\r\nx\r\n":             {true, false},
		"cas a 0 0 1 7\r\nx\r\n":           {true, true},
		"incr a 1\r\n":                     {true, false},
		"touch a 1\r\n":                    {true, false},
		"delete a\r\n":                     {true, false},
		"flush_all\r\n":                    {true, false},
		"stats\r\n":                        {false, false},
		"version\r\n":                      {false, false},
		"mg a v\r\n":                       {false, false},
		"mg a v T30\r\n":                   {true, false},
		"mg a N30 v\r\n":                   {true, false},
		"mg a R30\r\n":                     {true, false},
		"mg N\r\n":                         {false, false}, // a key
		"ms a 1 T0\r\nx\r\n":               {true, false},
		"ms a 1 C7\r\nC\r\n":               {true, true},
		"ms C 1\r\nC\r\n":                  {true, false},
		"md a q C7\r\n":                    {true, true},
		"ma a\r\n":                         {true, false},
		"me a\r\n":                         {false, false},
		frame(codeGet, 0, "", "a"):         {false, false},
		frame(codeSet, 0, "12345678", "a"): {true, false},
		frame(codeSet, 7, "12345678", "a"): {true, true},
		frame(codeDelete, 7, "", "a"):      {true, true},
		frame(codeGAT, 0, "1234", "a"):     {true, false},
	} {
		p := New(Options{MaxValue: 1 << 20, Admin: true})
		cl, s, cmd := new(codec.Client), new(codec.Scan), new(codec.Command)
		if text[0] == magicRequest {
			cl.Profile = Binary
		}
		if n, err := p.ParseCommand(cl, s, []byte(text), cmd); n != len(text) || err != nil || cmd.Kind == codec.Refuse {
			t.Errorf("%q: %d, %v, %v", text, n, err, cmd.Err)
			continue
		}
		if writes, why := p.Doubles(cmd); writes != want.writes || (why != "") != want.refused {
			t.Errorf("%q writes: %v, %q; want %v, refused: %v", text, writes, why, want.writes, want.refused)
		}
	}
}
