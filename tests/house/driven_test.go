package house

import (
	"fmt"
	"go/ast"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// docs/simulation.md has a list of all that could make two runs differ: each goroutine, clock, random number and walk over a map from
// engine down, and how a simulation drives it. This rule holds that the list has each of them, and nothing that is gone:
//
//	| `backend.Local.want` | `After` `Reset` | the deadline of ... |
//	   function, or package   calls in it
//
// Whoever adds a goroutine so comes to the list, and has to say there how it is driven.

// drives are the calls of package world that a row is for. Reads of the clock are listed by package: where in it makes no difference.
var (
	drives = []string{
		"Go", "AfterFunc", "Reset", "Sleep", "NewSignal", "NewLock", "NewGroup", "WithCancel", "WithTimeout", "Both", "IntN", "Token",
	}
	clocks = []string{"Now", "Nanos"}
)

// listed is the heading above the list.
const listed = "## All that is driven"

// driven returns the calls in dir that a row is for, sorted, by function, and those that read the clock by package.
func (c *checker) driven(dir string) (map[string][]string, error) {
	if _, err := c.Import("cashew/" + dir); err != nil {
		return nil, err
	}
	calls := map[string]map[string]bool{}
	note := func(where, call string) {
		if calls[where] == nil {
			calls[where] = map[string]bool{}
		}
		calls[where][call] = true
	}
	for _, file := range c.files[dir] {
		for _, decl := range file.Decls {
			names, receiver := declared(decl)
			if len(names) == 0 {
				continue
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				switch call := c.drive(n); {
				case call == "":
				case slices.Contains(clocks, call):
					note(dir, call)
				default:
					note(dir+"."+receiver+names[0], call)
				}
				return true
			})
		}
	}
	list := map[string][]string{}
	for where, set := range calls {
		list[where] = slices.Sorted(maps.Keys(set))
	}
	return list, nil
}

// drive is the call that n is, if a row is for it; a function of a World that is kept for later counts, too.
func (c *checker) drive(n ast.Node) string {
	switch n := n.(type) {
	case *ast.SelectorExpr:
		f, ok := c.info.Uses[n.Sel].(*types.Func)
		switch {
		case !ok || f.Pkg() == nil:
		case f.Pkg().Path() == "cashew/world" && (slices.Contains(drives, f.Name()) || slices.Contains(clocks, f.Name())):
			return f.Name()
		case f.Pkg().Path() == "cashew/loop" && f.Name() == "After": // a Loop's AfterFunc
			return f.Name()
		}
	case *ast.CallExpr:
		switch fun := n.Fun.(type) {
		case *ast.SelectorExpr:
			if strings.EqualFold(fun.Sel.Name, "IntN") { // of who was given no more than chance
				return "IntN"
			}
			if c.function(n.Fun, "slices") == "Sorted" {
				if keys, ok := n.Args[0].(*ast.CallExpr); ok && c.function(keys.Fun, "maps") != "" {
					return "Sorted"
				}
			}
		case *ast.Ident:
			if fun.Name == "byKey" {
				return fun.Name
			}
		}
	case *ast.RangeStmt:
		if t := c.info.TypeOf(n.X); t != nil {
			if _, ok := t.Underlying().(*types.Map); ok {
				return "range"
			}
		}
	}
	return ""
}

var quoted = regexp.MustCompile("`[^`]+`")

// rows are the rows of the list in page: the calls, sorted, by function or package.
func rows(page string) map[string][]string {
	list := map[string][]string{}
	_, section, _ := strings.Cut(page, "\n"+listed+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		var calls []string
		for _, q := range quoted.FindAllString(cells[2], -1) {
			calls = append(calls, strings.Trim(q, "`"))
		}
		slices.Sort(calls)
		for _, q := range quoted.FindAllString(cells[1], -1) {
			list[strings.Trim(q, "`")] = calls
		}
	}
	return list
}

// unlisted returns a sentence for each place whose calls are not those that its row has.
func unlisted(code, list map[string][]string) (sentences []string) {
	for where, calls := range code {
		switch row, ok := list[where]; {
		case !ok:
			sentences = append(sentences, fmt.Sprintf("%s calls %v, and docs/simulation.md does not say how that is driven", where, calls))
		case !slices.Equal(row, calls):
			sentences = append(sentences, fmt.Sprintf("%s calls %v; its row in docs/simulation.md has %v", where, calls, row))
		}
	}
	for where := range list {
		if code[where] == nil {
			sentences = append(sentences, fmt.Sprintf("docs/simulation.md has a row for %s, where nothing is driven", where))
		}
	}
	slices.Sort(sentences)
	return sentences
}

// TestDriven: docs/simulation.md lists all that a simulation has to drive.
func TestDriven(t *testing.T) {
	root := os.DirFS("../..")
	tree, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	page, err := fs.ReadFile(root, path.Join("docs", "simulation.md"))
	if err != nil {
		t.Fatal(err)
	}
	c, code := newChecker(root), map[string][]string{}
	for dir := range tree.packages {
		if !within(dir, inWorld) || within(dir, outOfWorld) {
			continue
		}
		calls, err := c.driven(dir)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(code, calls)
	}
	if len(code) < 30 {
		t.Errorf("%d functions are driven; there were more, so something is wrong with this test", len(code))
	}
	for _, s := range unlisted(code, rows(string(page))) {
		t.Error(s)
	}
}

// TestDrivenIsFound: each form of what is driven, and the sentences for rows that are missing, wrong or of the past.
func TestDrivenIsFound(t *testing.T) {
	c := newChecker(fstest.MapFS{
		"world/w.go": {Data: []byte("package world\n\ntype Clock interface { Now() int; Sleep(d int) }\n\ntype World interface { Clock; Go(f func()); IntN(n int) int }\n\n" +
			"type Group struct{}\n\nfunc (*Group) Go(f func()) {}\n")},
		"loop/l.go": {Data: []byte("package loop\n\nimport \"cashew/world\"\n\ntype Loop struct { World world.World }\n\nfunc (l *Loop) After() {}\n\n" +
			"func (l *Loop) Go() {}\n")},
		"engine/e.go": {Data: []byte("package engine\n\nimport (\"cashew/loop\"; \"cashew/world\"; \"maps\"; \"slices\")\n\n" +
			"type P struct { w world.World; g *world.Group; l *loop.Loop }\n\n" +
			"func (p *P) a() { p.w.Go(func() { p.w.Sleep(1) }); p.g.Go(nil); _ = p.w.Now() }\n\n" +
			"func (p *P) b() { p.l.After(); p.l.Go(); f := p.l.World.IntN; f(1) }\n\n" +
			"func c(m map[int]int, chance interface{ IntN(n int) int }) { for range m { _ = slices.Sorted(maps.Keys(m)); _ = chance.IntN(1) } }\n\n" +
			"func d() {}\n")},
	})
	code, err := c.driven("engine")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"engine": {"Now"}, "engine.P.a": {"Go", "Sleep"}, "engine.P.b": {"After", "IntN"}, "engine.c": {"IntN", "Sorted", "range"}}
	if !maps.EqualFunc(code, want, slices.Equal) {
		t.Errorf("driven() = %v; want %v", code, want)
	}
	list := rows("# Page\n\n" + listed + "\n\n| where | calls | what |\n|---|---|---|\n| `engine` | `Now` | x |\n" +
		"| `engine.P.a`, `engine.d` | `Sleep` `Go` | y |\n| `engine.P.b` | `After` | z |\n\n## Next\n\n| `engine.c` | `range` | no row |\n")
	got := unlisted(code, list)
	sentences := []string{
		"docs/simulation.md has a row for engine.d, where nothing is driven",
		"engine.P.b calls [After IntN]; its row in docs/simulation.md has [After]",
		"engine.c calls [IntN Sorted range], and docs/simulation.md does not say how that is driven",
	}
	if !slices.Equal(got, sentences) {
		t.Errorf("unlisted() = %q; want %q", got, sentences)
	}
}
