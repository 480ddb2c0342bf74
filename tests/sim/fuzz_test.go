package sim

import (
	"log/slog"
	"math/rand/v2"
	"testing"
)

// FuzzSim is a short life of a proxy with all choices in the fuzzer's hands, as long as its bytes last: they make up the script, and
// then they decide who goes first.
func FuzzSim(f *testing.F) {
	f.Add([]byte("clients send, servers answer"))
	f.Add([]byte{0, 1, 2, 3, 255, 254, 253, 128, 64, 32})
	f.Fuzz(func(t *testing.T, choices []byte) {
		rnd := rand.New(&choiceSource{choices: choices, then: rand.NewPCG(1, 2)})
		c := makeScript(rnd, 1, 1) // one phase
		for i := range c.Phases {
			p := &c.Phases[i]
			p.Calm /= 100
			for j := range p.Troubles {
				p.Troubles[j].Then /= 100
			}
		}
		r := newRun(c, slog.New(slog.DiscardHandler))
		r.sim.rnd = rnd
		if !r.play() {
			t.Fatalf("%s\n%s\n%s%s", r.Failure, r.Trace, c, r.stack)
		}
		r.sim.Close()
	})
}

// choiceSource is a source of "random" numbers that begin with what the fuzzer says.
type choiceSource struct {
	choices []byte
	then    rand.Source
}

func (c *choiceSource) Uint64() uint64 {
	if len(c.choices) == 0 {
		return c.then.Uint64()
	}
	b := uint64(c.choices[0])
	c.choices = c.choices[1:]
	return b<<56 | b<<24 | b // rand takes the high bits of either half, and the network the lowest
}
