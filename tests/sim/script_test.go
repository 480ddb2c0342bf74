package sim

import (
	"os"
	"strings"
	"testing"
)

// TestWrongScripts: a script that nobody can play is refused before it is begun.
func TestWrongScripts(t *testing.T) {
	text, err := os.ReadFile("testdata/kept/half-closed-while-paused.yml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseScript(string(text)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range [][2]string{
		{"do: reload", "do: dance"},
		{"reload: {max", "#"},
		{"pool: 0", "pool: 9"},
		{"loops: 1", "loops: 0"},
		{"servers: 1", "servers: 0"},
		{"depth: 25", "depth: 0"},
		{"keys: 1", "keys: -1"},
		{"protocol: redis", "protocol: http"},
		{"server: 18", "server: -18"},
		{", pools: [", "} #"},
		{"depth", "dpeth"},
	} {
		wrong := strings.Replace(string(text), tt[0], tt[1], 1)
		if _, err := parseScript(wrong); err == nil || wrong == string(text) {
			t.Errorf("%s in place of %s: no error", tt[1], tt[0])
		}
	}
}
