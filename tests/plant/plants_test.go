package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlants: each fault has a name of its own, and its place is found in the tree, once, in a function.
func TestPlants(t *testing.T) {
	t.Chdir("../..")
	seen := make(map[string]bool)
	files := make(map[string][]*trial)
	for i, p := range plants {
		if seen[p.name] {
			t.Errorf("%s: there are two of that name", p.name)
		}
		seen[p.name] = true
		if p.old == p.new {
			t.Errorf("%s changes nothing", p.name)
		}
		files[p.file] = append(files[p.file], &trial{plant: p, number: i + 1})
	}
	for name, of := range files {
		text, pkg, err := grafted(name, of)
		if err != nil {
			t.Error(err)
			continue
		}
		if pkg != filepath.Base(filepath.Dir(name)) {
			t.Errorf("%s is of package %s", name, pkg)
		}
		if n := strings.Count(text, "plantedFault == "); n != len(of) {
			t.Errorf("%s has %d faults in it; want %d", name, n, len(of))
		}
		if _, err := parser.ParseFile(token.NewFileSet(), name, text, 0); err != nil {
			t.Errorf("%s does not parse with its faults: %v", name, err)
		}
	}
}

// TestTestsAreTold: of each fault that a test finds in place of the simulation, docs/simulation.md says which, and why.
func TestTestsAreTold(t *testing.T) {
	page, err := os.ReadFile("../../docs/simulation.md")
	if err != nil {
		t.Fatal(err)
	}
	told := make(map[string]bool)
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, " | ")
		if name, by := strings.Trim(cells[0], "| `"), ""; len(cells) == 3 {
			if by = strings.ReplaceAll(cells[1], "`", ""); tests[name] != "" {
				told[name] = by == tests[name]
			}
		}
	}
	known := make(map[string]bool)
	for _, p := range plants {
		known[p.name] = true
	}
	for name, by := range tests {
		if !known[name] {
			t.Errorf("a test is named for %s, which is no fault", name)
		}
		if !told[name] {
			t.Errorf("docs/simulation.md does not say that %s finds %s", by, name)
		}
	}
}

// TestGrafted: what becomes of a file, for a function without results, one with, and one in a variable.
func TestGrafted(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.go")
	source := "package a\n\nfunc f() {\n\tn++\n\tm++ // twice\n}\n\nfunc g() int { return 1 }\n\nvar h = func() { n-- }\n"
	if err := os.WriteFile(name, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	of := []*trial{
		{plant: plant{"first", name, "	n++\n", ""}, number: 1},
		{plant: plant{"second", name, "	m++ // twice\n}\n\nfunc g", "}\n\nfunc g"}, number: 2},
		{plant: plant{"third", name, "return 1", "return 2"}, number: 3},
		{plant: plant{"fourth", name, "n--", "n -= 2"}, number: 4},
	}
	got, pkg, err := grafted(name, of)
	want := "package a\n\nfunc f() {\nif plantedFault == 1 {\n\n\tm++ // twice\n\nreturn\n}\n\nif plantedFault == 2 {\n\n\tn++\n\nreturn\n}\n\n\tn++\n\tm++ // twice\n}\n\n" +
		"func g() int {\nif plantedFault == 3 {\n return 2 \n}\n return 1 }\n\nvar h = func() {\nif plantedFault == 4 {\n n -= 2 \nreturn\n}\n n-- }\n"
	if err != nil || pkg != "a" || got != want {
		t.Errorf("grafted() = %q, %q, %v; want %q", got, pkg, err, want)
	}
	for _, p := range []plant{{"nowhere", name, "p++", ""}, {"outside", name, "package a", "package b"}} {
		if _, _, err := grafted(name, []*trial{{plant: p}}); err == nil {
			t.Errorf("%s: no error", p.name)
		}
	}
}
