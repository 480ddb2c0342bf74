package resp

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cashew/codec"
	"cashew/codec/codectest"
)

// model is the protocol as one would write it without a thought for speed. It is for arrays only: inline is that it met
// something else and stopped. bad: malformed.
func model(in []byte) (frames [][]string, inline, bad bool) {
	line := func(at int) (string, int) {
		i := bytes.Index(in[at:], []byte("\r\n"))
		if i < 0 {
			return string(in[at:]), -1
		}
		return string(in[at : at+i]), at + i + 2
	}
	length := func(s string, most int64) (int, bool) {
		n, ok := parseInt([]byte(s))
		return int(n), ok && n >= 0 && n <= most
	}
	for at := 0; at < len(in); {
		head, next := line(at)
		if head == "" || head[0] != '*' {
			return frames, true, false
		}
		if next < 0 {
			return frames, false, false
		}
		if n, ok := parseInt([]byte(head[1:])); ok && n < 0 && n >= -maxBulk {
			frames = append(frames, nil)
			at = next
			continue
		}
		argc, ok := length(head[1:], maxArgs)
		if !ok {
			return frames, false, true
		}
		at = next
		var args []string
		for range argc {
			head, next := line(at)
			if next < 0 {
				return frames, false, false
			}
			if head == "" || head[0] != '$' {
				return frames, false, true
			}
			n, ok := length(head[1:], maxBulk)
			if !ok {
				return frames, false, true
			}
			if next+n+2 > len(in) {
				return frames, false, false
			}
			if string(in[next+n:next+n+2]) != "\r\n" {
				return frames, false, true
			}
			args = append(args, string(in[next:next+n]))
			at = next + n + 2
		}
		frames = append(frames, args)
	}
	return frames, false, false
}

// modelKeys are the keys of a command whose keys have fixed places.
func modelKeys(args []string) (keys []string, ok bool) {
	for i := range commands {
		c := &commands[i]
		if c.parent != 0 || c.name != strings.ToLower(args[0]) || c.keys.kind != positions ||
			c.kind != forward && c.kind != split || c.keys.first == 0 {
			continue
		}
		if c.arity > 0 && len(args) != int(c.arity) || len(args) < -int(c.arity) {
			return nil, false
		}
		if c.keys.last == -1 && (len(args)-int(c.keys.first))%int(c.keys.step) != 0 {
			return nil, false
		}
		last := int(c.keys.last)
		if last < 0 {
			last += len(args)
		}
		for k := int(c.keys.first); k <= last; k += int(c.keys.step) {
			keys = append(keys, args[k])
		}
		return keys, true
	}
	return nil, false
}

// checkAgainstModel parses in, an array stream, whole and in pieces, and compares with model.
func checkAgainstModel(t *testing.T, p *Protocol, in []byte, seed uint64) {
	t.Helper()
	got, rest, err := codectest.Commands(p, &codec.Client{}, [][]byte{in})
	again, rest2, err2 := codectest.Commands(p, &codec.Client{}, randomPieces(in, seed))
	if diff := cmp.Diff(got, again); diff != "" || rest != rest2 || fmt.Sprint(err) != fmt.Sprint(err2) {
		t.Fatalf("whole %v, %q; in pieces %v, %q\n%s", err, rest, err2, rest2, diff)
	}
	if err != nil && !errors.Is(err, codec.ErrMalformed) {
		t.Fatal(err)
	}
	want, inline, bad := model(in)
	for i, c := range got {
		if c.Kind == codec.Quit || i == len(want) && inline {
			return
		}
		if i >= len(want) {
			t.Fatalf("ParseCommand(%q) found %d commands; model %d", in, len(got), len(want))
		}
		if c.Kind == codec.Ignore {
			if len(want[i]) != 0 {
				t.Fatalf("command %d ignored; model has %q", i, want[i])
			}
			continue
		}
		if c.Kind == codec.Refuse && barred.MatchString(c.Reply) {
			continue // for what came before
		}
		if keys, ok := modelKeys(want[i]); ok {
			have := c.Keys
			if len(have) == 0 {
				have = []string{c.Key}
			}
			if diff := cmp.Diff(keys, have); diff != "" {
				t.Fatalf("keys of %q:\n%s", want[i], diff)
			}
		}
	}
	if inline {
		return
	}
	// A frame may be found bad before the model, which waits for whole lines, can see it.
	if err == nil && bad && len(rest) == 0 {
		t.Fatalf("ParseCommand took all; model finds a fault")
	}
	if err == nil && rest == "" && len(got) != len(want) {
		t.Fatalf("%d commands; model %d", len(got), len(want))
	}
}

// barred are the refusals of bar.go and of policy.go.
var barred = regexp.MustCompile("^-(ERR|NOAUTH|NOPERM) .*(was refused|CLIENT REPLY OFF|MONITOR and SYNC|not allowed by)")

func randomPieces(in []byte, seed uint64) (pieces [][]byte) {
	r := rand.New(rand.NewPCG(seed, 1))
	for len(in) > 0 {
		n := 1 + r.IntN(min(len(in), 40))
		pieces = append(pieces, in[:n:n])
		in = in[n:]
	}
	return pieces
}

// TestParseCommandRandom makes streams of random commands, some with a byte changed.
func TestParseCommandRandom(t *testing.T) {
	p := New(Options{})
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 2))
		var in []byte
		for range 1 + r.IntN(4) {
			args := []string{commands[1+r.IntN(len(commands)-1)].name}
			for range r.IntN(8) {
				args = append(args, []string{"", "a", "key", "2", "STORE", "STREAMS", strings.Repeat("x", r.IntN(200))}[r.IntN(7)])
			}
			in = append(in, frameOf(args...)...)
		}
		if r.IntN(2) == 0 {
			in[1+r.IntN(len(in)-1)] = "\r\n*$0159-x"[r.IntN(10)]
		}
		checkAgainstModel(t, p, in, seed)
	}
}

func FuzzParseCommand(f *testing.F) {
	for _, s := range []string{
		"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "*3\r\n$4\r\nmget\r\n$1\r\na\r\n$0\r\n\r\n", "*-1\r\n*0\r\n", "get \"a\\x00b\" 'c'\r\n",
		"*5\r\n$4\r\nMSET\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n", "*4\r\n$4\r\nEVAL\r\n$1\r\ns\r\n$1\r\n1\r\n$1\r\nk\r\n",
		"*1\r\n$04\r\nPING\r\n", "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$536870912\r\n", "\r\n \n",
	} {
		f.Add([]byte(s), uint64(1))
	}
	p := New(Options{})
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		checkAgainstModel(t, p, in, seed)
	})
}
