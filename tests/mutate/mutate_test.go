package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const sample = `package p

const size = 8

func f(a, b int) int {
	x := 1
	if a < b && b != 0 {
		x = 2
		c.figures.Copies.Add(3)
	}
	g(x)
	for a > b {
		a--
	}
	return x
}
`

// TestMutants: which mistakes are made in a function, and that each is the line that is printed.
func TestMutants(t *testing.T) {
	found, err := mutants("p.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range found {
		before, after := found[i].diff()
		got = append(got, found[i].place()+" "+before+" => "+after)
		if _, err := parser.ParseFile(token.NewFileSet(), "", found[i].mutated(), 0); err != nil {
			t.Errorf("%s is no Go: %v", got[i], err)
		}
	}
	want := []string{
		"p.go:11 g(x) => ",
		"p.go:6 x := 1 => x := (1 + 1)",
		"p.go:7 if a < b && b != 0 { => if !(a < b && b != 0) {",
		"p.go:7 if a < b && b != 0 { => if a < b || b != 0 {",
		"p.go:7 if a < b && b != 0 { => if a <= b && b != 0 {",
		"p.go:7 if a < b && b != 0 { => if a < b && b == 0 {",
		"p.go:7 if a < b && b != 0 { => if a < b && b != (0 + 1) {",
		"p.go:8 x = 2 => ",
		"p.go:8 x = 2 => x = (2 + 1)",
		"p.go:12 for a > b { => for !(a > b) {",
		"p.go:12 for a > b { => for a >= b {",
		"p.go:13 a-- => ",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestTry: a mistake is noticed, survives, or does not compile; the tree stays as it is.
func TestTry(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	source := "package p\n\nfunc f(a int) int {\n\tb := a\n\tb = a + 1\n\tunseen = 3\n\treturn b\n}\n\nvar unseen int\n"
	write("go.mod", "module m\n")
	write("p/p.go", source)
	write("p/p_test.go", "package p\n\nimport \"testing\"\n\nfunc TestF(t *testing.T) {\n\tif f(1) != 2 {\n\t\tt.Error()\n\t}\n}\n")
	all, err := mutants("p/p.go", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	all = append(all, mutant{file: "p/p.go", source: []byte(source), end: 1, kind: "no Go"})
	try := &trial{dir: t.TempDir(), out: t.Output(), known: map[string]string{"p/p.go\tunseen = 3\t": "nobody looks"}}
	for i := range all {
		if err := try.try(t.Context(), &all[i]); err != nil {
			t.Fatal(err)
		}
	}
	if try.own != 2 || try.survived != 2 || try.read != 1 || try.broken != 1 {
		t.Errorf("%+v", try)
	}
	if now, _ := os.ReadFile("p/p.go"); string(now) != source {
		t.Error("the tree has changed")
	}
}
