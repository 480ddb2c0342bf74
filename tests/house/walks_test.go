package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// Go walks over a map in another order each time. From engine down, where a simulation has to do the same whenever a seed repeats it,
// a walk goes over sorted keys, as engine's byKey does; or a comment on its line says why no order can act:
//
//	for kind, n := range f.Pushes { // in no order: a sum for each kind

// excuse is what such a comment begins with.
const excuse = "// in no order: "

// A checker finds the types of the tree's packages. It knows nothing of all others, so a map that one of them declares, as
// http.Header, is not seen; that makes it quick, and nothing has to be built.
type checker struct {
	fsys   fs.FS
	set    *token.FileSet
	known  map[string]*types.Package
	files  map[string][]*ast.File // by dir
	info   types.Info
	config types.Config
}

func newChecker(fsys fs.FS) *checker {
	c := &checker{
		fsys: fsys, set: token.NewFileSet(), known: map[string]*types.Package{}, files: map[string][]*ast.File{},
		info: types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}},
	}
	c.config = types.Config{Importer: c, Error: func(error) {}} // of what it does not know, and of files for several systems
	return c
}

// Import implements types.Importer.
func (c *checker) Import(name string) (*types.Package, error) {
	if p := c.known[name]; p != nil {
		return p, nil
	}
	dir, ours := strings.CutPrefix(name, "cashew/")
	if !ours {
		c.known[name] = types.NewPackage(name, path.Base(name))
		c.known[name].MarkComplete()
		return c.known[name], nil
	}
	sources, err := fs.Glob(c.fsys, dir+"/*.go")
	if err != nil {
		return nil, err
	}
	for _, s := range sources {
		if strings.HasSuffix(s, "_test.go") {
			continue
		}
		text, err := fs.ReadFile(c.fsys, s)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(c.set, s, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		c.files[dir] = append(c.files[dir], file)
	}
	c.known[name], _ = c.config.Check(name, c.set, c.files[dir], &c.info) // see config.Error
	return c.known[name], nil
}

// walks returns a sentence for each walk over a map in dir that has no excuse, and how many have one.
func (c *checker) walks(dir string) (sentences []string, excused int, err error) {
	if _, err := c.Import("cashew/" + dir); err != nil {
		return nil, 0, err
	}
	for _, file := range c.files[dir] {
		excuses := map[int]bool{} // by line
		for _, group := range file.Comments {
			for _, comment := range group.List {
				if strings.HasPrefix(comment.Text, excuse) {
					excuses[c.set.Position(comment.Pos()).Line] = true
				}
			}
		}
		for _, pos := range c.walksIn(file) {
			at := c.set.Position(pos)
			if excuses[at.Line] {
				excused++
			} else {
				sentences = append(sentences, fmt.Sprintf("%s:%d walks over a map in any order; sort its keys or say %q", at.Filename, at.Line, excuse+"..."))
			}
		}
	}
	return sentences, excused, nil
}

// walksIn are the places where file ranges over a map, or takes its keys or values without sorting them at once.
func (c *checker) walksIn(file *ast.File) (at []token.Pos) {
	sorted := map[ast.Node]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.RangeStmt:
			if t := c.info.TypeOf(n.X); t != nil {
				if _, ok := t.Underlying().(*types.Map); ok {
					at = append(at, n.Pos())
				}
			}
		case *ast.CallExpr:
			if name := c.function(n.Fun, "slices"); strings.HasPrefix(name, "Sorted") {
				sorted[n.Args[0]] = true
			}
			if name := c.function(n.Fun, "maps"); !sorted[n] && (name == "All" || name == "Keys" || name == "Values") {
				at = append(at, n.Pos())
			}
		}
		return true
	})
	return at
}

// function is the name of a function that fun, of package pkg, is; "": it is another's.
func (c *checker) function(fun ast.Expr, pkg string) string {
	if s, ok := fun.(*ast.SelectorExpr); ok {
		if x, ok := s.X.(*ast.Ident); ok {
			if p, ok := c.info.Uses[x].(*types.PkgName); ok && p.Imported().Path() == pkg {
				return s.Sel.Name
			}
		}
	}
	return ""
}

func TestWalks(t *testing.T) {
	root := os.DirFS("../..")
	tree, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	c, known := newChecker(root), 0
	for dir := range tree.packages {
		if !within(dir, inWorld) || within(dir, outOfWorld) {
			continue
		}
		sentences, excused, err := c.walks(dir)
		if err != nil {
			t.Fatal(err)
		}
		known += excused
		for _, s := range sentences {
			t.Error(s)
		}
	}
	if known < 4 {
		t.Errorf("%d walks have an excuse; there were 4, so something is wrong with this test", known)
	}
}

// TestWalksAreFound: each form of a walk, with types from the same package, from another one, and from none that is known.
func TestWalksAreFound(t *testing.T) {
	for _, tt := range []struct {
		body    string
		lines   []int
		excused int
	}{
		{"for k := range m {\n_ = k\n}", []int{6}, 0},
		{"for range s.Named {\n}", []int{6}, 0},
		{"for _, l := range unknown {\n_ = l\n}", []int{6}, 0},
		{"for range map[string]int{} { // in no order: a sum\n}", nil, 1},
		{"// in no order: a sum\nfor range m {\n}", []int{7}, 0},
		{"for range m { // in some order\n}", []int{6}, 0},
		{"for range maps.Keys(m) {\n}\n_ = slices.Collect(maps.Values(m))", []int{6, 8}, 0},
		{"for range slices.Sorted(maps.Keys(m)) {\n}\n_ = slices.SortedFunc(maps.Values(m), nil)", nil, 0},
		{"for range list {\n}\nfor range 3 {\n}\nfor range byKey(m) {\n}\n_ = maps.Clone(m)", nil, 0},
	} {
		c := newChecker(fstest.MapFS{
			"stats/s.go": {Data: []byte("package stats\n\ntype Named map[string]int\n\ntype S struct{ Named Named }\n")},
			"engine/a.go": {Data: []byte("package engine\n\nimport (\"maps\"; \"slices\"; \"net\"; \"cashew/stats\")\n\n" +
				"func f(m map[int]int, s *stats.S, unknown map[string]net.Listener, list []int) {\n" + tt.body + "\n}\n")},
			"engine/b.go": {Data: []byte("package engine\n\nimport \"iter\"\n\nfunc byKey[V any](m map[int]V) iter.Seq[V] { return nil }\n")},
		})
		got, excused, err := c.walks("engine")
		if err != nil {
			t.Fatalf("%s: %v", tt.body, err)
		}
		var want []string
		for _, line := range tt.lines {
			want = append(want, fmt.Sprintf("engine/a.go:%d walks over a map in any order; sort its keys or say %q", line, excuse+"..."))
		}
		if !slices.Equal(got, want) || excused != tt.excused {
			t.Errorf("%s: %q, %d excused; want %q, %d", tt.body, got, excused, want, tt.excused)
		}
	}
}
