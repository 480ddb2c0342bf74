// Package house tests the tree and not the program: a package can be read from top to bottom, and it stays so.
//
//	*.go without tests/, bench/ --read--> tree: lines of each function and file, exported names of each package,
//	                                       |    goroutines and channels of each file from engine down
//	                                       +--> rule: nothing is larger than the rule, or its exception, allows
//
// Without a test a limit is forgotten by the hundredth change: a function of 58 lines gets three more, and nobody counts. What is
// larger for a reason is an exception with the size that it has. It may shrink and may not grow, and the test fails until it
// leaves the list once it fits: so the lists get shorter. No program is started here, and all of it takes half a second.
//
// To read: house_test.go, then walks_test.go, which has the rule on walks over maps, driven_test.go, which has the one on
// docs/simulation.md's list, imports_test.go, which has depguard's lists, and modules_test.go, which has what go.mod may require.
package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// functions says that a function fits on one screen. Its lines go from func to the last brace, with blank lines and comments, for
// a reader passes those as well; the comment above it does not count, so that nobody saves on it.
var functions = rule{unit: "lines", most: 60, larger: map[string]int{
	// A switch over words or commands is a table: its cases are looked up one by one, as "incr" to opIncr.
	"codec/memcached.lookup": 72,
}}

// files says that a file is read in one sitting: 400 lines are ten minutes.
var files = rule{unit: "lines", most: 400, larger: map[string]int{
	// A parser may have 500 lines: its states are understood together, and to turn pages between them is worse than to scroll.
	"codec/memcached/reply.go": 500, // the ten states in which a line can be cut, and the quick way past them
}}

// exported says that a package's door is narrow: who imports it can keep its names in mind. Types, functions, constants and
// variables count; methods and fields do not, since one gets to them by the name of their type.
var exported = rule{unit: "exported names", most: 40, larger: map[string]int{
	"codec": 69, // 21 of them are the kinds of command
}}

// blocking says that from engine down nobody starts a goroutine or waits on a channel by himself: what blocks starts through package
// world and waits in its Signal, Lock or Group, so that a simulation knows of all who run and of all who wait. forbidigo in
// .golangci.yml holds the calls, as time.Sleep; this rule holds the statements, for each file of inWorld.
var blocking = rule{unit: "go statements, selects and uses of channels", most: 0, larger: map[string]int{
	// It is a part of the machine's reactor, of which a simulation has its own.
	"loop/watch.go": 1, // the Watcher waits in epoll or kqueue, which blocks a thread and no channel
}}

// inWorld are the folders for which blocking holds, with all below them, and outOfWorld those of them for which it does not.
var (
	inWorld    = []string{"engine", "session", "backend", "topology", "loop", "stats", "codec", "ring"}
	outOfWorld = []string{
		"engine/admin",                                            // it stands above the engine: net/http starts its goroutines
		"codec/codectest", "loop/looptest", "session/sessiontest", // they are part of tests
	}
)

// explained is from how many lines on ARCHITECTURE.md has to speak of a package: nobody finds the way through 2,500 alone.
const explained = 2500

// A rule says how large things of one kind may be.
type rule struct {
	unit   string
	most   int
	larger map[string]int // what each exception may have instead, by name
}

// broken returns a sentence for each of sizes that is too large, and for each exception that nothing needs any more.
func (r rule) broken(sizes map[string]int) (sentences []string) {
	for name, n := range sizes {
		most, excepted := r.larger[name]
		switch {
		case !excepted && n > r.most:
			sentences = append(sentences, fmt.Sprintf("%s has %d %s; want %d at most", name, n, r.unit, r.most))
		case excepted && n > most:
			sentences = append(sentences, fmt.Sprintf("%s has %d %s; its exception is for %d", name, n, r.unit, most))
		case excepted && n <= r.most:
			sentences = append(sentences, fmt.Sprintf("%s has %d %s and needs no exception any more", name, n, r.unit))
		}
	}
	for name := range r.larger {
		if _, ok := sizes[name]; !ok {
			sentences = append(sentences, name+" has an exception and does not exist")
		}
	}
	slices.Sort(sentences)
	return sentences
}

// tree is what the rules look at; the folder of the module itself is named cashew.
type tree struct {
	functions map[string]int // lines by dir.Type.Method or dir.function
	files     map[string]int // lines by path
	blocking  map[string]int // statements by path, of the files that are within inWorld
	packages  map[string]*pkg
}

type pkg struct {
	name     string
	lines    int
	exported map[string]bool // a set, since a name may stand in a file for Linux and in one for macOS
	comment  string
}

// read parses all product code of fsys, for each operating system alike. What drives the product from outside (tests/, bench/) is
// not meant to be small: a table of cases may have any length.
func read(fsys fs.FS) (*tree, error) {
	t := &tree{functions: map[string]int{}, files: map[string]int{}, blocking: map[string]int{}, packages: map[string]*pkg{}}
	return t, fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if name == "tests" || name == "bench" || d.Name() == "testdata" || name != "." && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		case path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		source, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		return t.add(name, source)
	})
}

// add counts one file.
func (t *tree) add(name string, source []byte) error {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, parser.ParseComments)
	if err != nil {
		return err
	}
	dir := path.Dir(name)
	if dir == "." {
		dir = "cashew"
	}
	p := t.packages[dir]
	if p == nil {
		p = &pkg{name: file.Name.Name, exported: map[string]bool{}}
		t.packages[dir] = p
	}
	t.files[name] = set.File(file.Pos()).LineCount()
	p.lines += t.files[name]
	p.comment += file.Doc.Text()
	if within(dir, inWorld) && !within(dir, outOfWorld) {
		t.blocking[name] = blockingIn(file)
	}
	for _, decl := range file.Decls {
		names, receiver := declared(decl)
		for _, n := range names {
			if receiver == "" && ast.IsExported(n) {
				p.exported[n] = true
			}
		}
		if len(names) > 0 {
			t.measure(set, decl, dir+"."+receiver+names[0])
		}
	}
	return nil
}

// within says whether dir is one of folders or below one.
func within(dir string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return dir == f || strings.HasPrefix(dir, f+"/") })
}

// blockingIn counts what starts a goroutine or may wait in file: go, select, a receive or a send, and the type of a channel, without
// which nobody could range over one.
func blockingIn(file *ast.File) (n int) {
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.GoStmt, *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
			n++
		case *ast.UnaryExpr:
			if node.Op == token.ARROW {
				n++
			}
		}
		return true
	})
	return n
}

// measure counts the lines of the function that decl is, or of the longest in its values: var f = func() {} is a function, too.
// Of two with one name, as init or in files for two systems, the longer one counts.
func (t *tree) measure(set *token.FileSet, decl ast.Decl, name string) {
	ast.Inspect(decl, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			lines := set.Position(n.End()).Line - set.Position(n.Pos()).Line + 1 // Pos is the word func and not the comment above it
			t.functions[name] = max(t.functions[name], lines)
			return false
		}
		return true
	})
}

// declared returns the names that decl gives to the package, and for a method its type with a dot: "Finish" and "Conn.".
func declared(decl ast.Decl) (names []string, receiver string) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil {
			receiver = typeName(d.Recv.List[0].Type) + "."
		}
		return []string{d.Name.Name}, receiver
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names, ""
}

// typeName is the name of a receiver's type: Conn for *Conn, ring for ring[T].
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// widths counts the exported names of each package.
func (t *tree) widths() map[string]int {
	widths := make(map[string]int)
	for dir, p := range t.packages {
		widths[dir] = len(p.exported)
	}
	return widths
}

// unexplained returns a sentence for each package without a comment, and for each large one that architecture does not name.
func (t *tree) unexplained(architecture string) (sentences []string) {
	for _, dir := range slices.Sorted(maps.Keys(t.packages)) {
		p := t.packages[dir]
		begin := "Package " + p.name + " "
		if p.name == "main" {
			begin = "Command "
		}
		if !strings.HasPrefix(p.comment, begin) {
			sentences = append(sentences, fmt.Sprintf("%s has no comment that begins with %q", dir, begin))
		}
		named := strings.Contains(architecture, "`"+dir+"`") || strings.Contains(architecture, "`"+dir+"/`")
		if p.lines > explained && !named {
			sentences = append(sentences, fmt.Sprintf("%s has %d lines, and ARCHITECTURE.md does not name it", dir, p.lines))
		}
	}
	return sentences
}

func TestHouse(t *testing.T) {
	root := os.DirFS("../..")
	tree, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	architecture, err := fs.ReadFile(root, "ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.packages) < 15 || len(tree.functions) < 1000 {
		t.Fatalf("there are %d packages and %d functions; something is wrong with this test", len(tree.packages), len(tree.functions))
	}
	for _, dir := range slices.Concat(inWorld, outOfWorld) {
		if tree.packages[dir] == nil {
			t.Errorf("a rule is for %s, which does not exist", dir)
		}
	}
	for name, sentences := range map[string][]string{
		"functions": functions.broken(tree.functions),
		"files":     files.broken(tree.files),
		"blocking":  blocking.broken(tree.blocking),
		"exported":  exported.broken(tree.widths()),
		"explained": tree.unexplained(string(architecture)),
	} {
		t.Run(name, func(t *testing.T) {
			for _, s := range sentences {
				t.Error(s)
			}
		})
	}
}

// TestRule: a size is judged by its exception if it has one, and an exception must have a use.
func TestRule(t *testing.T) {
	r := rule{unit: "lines", most: 60, larger: map[string]int{"shrunk": 70, "grown": 70, "excepted": 70, "gone": 70}}
	got := r.broken(map[string]int{"fits": 60, "long": 61, "shrunk": 60, "grown": 71, "excepted": 70})
	want := []string{
		"gone has an exception and does not exist",
		"grown has 71 lines; its exception is for 70",
		"long has 61 lines; want 60 at most",
		"shrunk has 60 lines and needs no exception any more",
	}
	if !slices.Equal(got, want) {
		t.Errorf("broken() = %q; want %q", got, want)
	}
}

// TestRead: what is counted in a small tree, and what is not.
func TestRead(t *testing.T) {
	const comment = "// Package a is small.\n"
	large := "package b\n" + strings.Repeat("//\n", explained)
	tree, err := read(fstest.MapFS{
		"main.go":         {Data: []byte("// Command c begins.\npackage main\n\nfunc main() {}\n")},
		"a/a.go":          {Data: []byte(comment + "package a\n\n// F is\n// long.\nfunc F() {\n\t// one\n\n\tfunc() {}()\n}\n")},
		"a/a_linux.go":    {Data: []byte("package a\n\nconst C, c = 1, 2\n\ntype T[K any] int\n\nfunc (t *T[K]) M() {\n}\n")},
		"a/a_other.go":    {Data: []byte("//go:build !linux\n\npackage a\n\nconst C = 1\n\nvar V = func() {\n\n}\n")},
		"a/a_test.go":     {Data: []byte("package a\n\nfunc TestF() {}\n")},
		"b/b.go":          {Data: []byte(large)},
		"b/testdata/b.go": {Data: []byte("nothing that Go knows")},
		"tests/t.go":      {Data: []byte("package tests\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]int{"cashew.main": 1, "a.F": 5, "a.T.M": 2, "a.V": 3}; !maps.Equal(tree.functions, want) {
		t.Errorf("functions have %v lines; want %v", tree.functions, want)
	}
	if want := map[string]int{"main.go": 4, "a/a.go": 10, "a/a_linux.go": 8, "a/a_other.go": 9, "b/b.go": 2501}; !maps.Equal(tree.files, want) {
		t.Errorf("files have %v lines; want %v", tree.files, want)
	}
	if got, want := tree.widths(), map[string]int{"cashew": 0, "a": 4, "b": 0}; !maps.Equal(got, want) {
		t.Errorf("packages export %v; want %v", got, want)
	}
	want := []string{`b has no comment that begins with "Package b "`, "b has 2501 lines, and ARCHITECTURE.md does not name it"}
	if got := tree.unexplained("`a/b.go`"); !slices.Equal(got, want) {
		t.Errorf("unexplained() = %q; want %q", got, want)
	}
	if got := tree.unexplained("`b/`"); !slices.Equal(got, want[:1]) {
		t.Errorf("unexplained() = %q; want %q", got, want[:1])
	}
}

// TestBlocking: each way to start or to wait counts, in each package that is in a World, and in no other.
func TestBlocking(t *testing.T) {
	for _, tt := range []struct {
		body string
		want int
	}{
		{"go f()", 1},
		{"go func() { go f() }()", 2},
		{"select {}", 1},
		{"<-ctx.Done()", 1},
		{"x, ok := <-c.to; f(x, ok)", 1},
		{"c.to <- 1", 1},
		{"for range make(chan int) {}", 1},
		{"select { case <-a: case b <- 1: default: }", 3},
		{"x := -y; w.Go(f); close(z); *p = !q", 0},
	} {
		source := &fstest.MapFile{Data: []byte("package p\n\nfunc _() { " + tt.body + " }\n")}
		tree, err := read(fstest.MapFS{
			"engine/a.go": source, "codec/resp/a.go": source, "engine/a_test.go": source,
			"engine/admin/page/a.go": source, "loop/looptest/a.go": source, "world/a.go": source, "engines/a.go": source,
		})
		if err != nil {
			t.Fatalf("%s: %v", tt.body, err)
		}
		if want := map[string]int{"engine/a.go": tt.want, "codec/resp/a.go": tt.want}; !maps.Equal(tree.blocking, want) {
			t.Errorf("%s: counted %v; want %v", tt.body, tree.blocking, want)
		}
	}
}
