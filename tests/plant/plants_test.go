package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlants: each fault has a name of its own, and its place is found in the tree, once.
func TestPlants(t *testing.T) {
	seen := make(map[string]bool)
	for _, p := range plants {
		if seen[p.name] {
			t.Errorf("%s: there are two of that name", p.name)
		}
		seen[p.name] = true
		src, err := os.ReadFile(filepath.Join("../..", p.file))
		if err != nil {
			t.Errorf("%s: %v", p.name, err)
			continue
		}
		if n := strings.Count(string(src), p.old); n != 1 {
			t.Errorf("%s: its place is found %d times in %s; want once", p.name, n, p.file)
		}
		if p.old == p.new {
			t.Errorf("%s changes nothing", p.name)
		}
	}
}
