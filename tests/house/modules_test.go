package house

import (
	"fmt"
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

// Who packages cashew reads in go.mod what it is made of. What only plots, comparisons and browsers need is in modules of its own,
// which go.work has beside it; the tests of the product need these few, and nothing else that the binary has not.
var testLibraries = []string{
	"github.com/anishathalye/porcupine",  // tests/sim: whether what clients saw could have been
	"github.com/google/go-cmp",           // what differs
	"github.com/prometheus/client_model", // a part of Prometheus's library, which the binary has: metrics are read back
	"github.com/prometheus/common",       // the same
	"github.com/rogpeppe/go-internal",    // daemon's command lines
}

// A module is what its go.mod says.
type module struct {
	versions map[string]string // of what it requires, by path
	direct   []string
}

var requirement = regexp.MustCompile(`(?m)^(?:require )?\t?(\S+\.\S+) (v\S+)( // indirect)?$`)

func parseModule(text string) module {
	m := module{versions: map[string]string{}}
	for _, r := range requirement.FindAllStringSubmatch(text, -1) {
		m.versions[r[1]] = r[2]
		if r[3] == "" {
			m.direct = append(m.direct, r[1])
		}
	}
	return m
}

var used = regexp.MustCompile(`(?m)^\t\./(\S+)$`)

// readModules returns the modules that go.work names, by folder, the product's as ".".
func readModules(fsys fs.FS) (map[string]module, error) {
	work, err := fs.ReadFile(fsys, "go.work")
	if err != nil {
		return nil, err
	}
	modules := map[string]module{}
	for _, u := range append(used.FindAllStringSubmatch(string(work), -1), []string{"", "."}) {
		text, err := fs.ReadFile(fsys, path.Join(u[1], "go.mod"))
		if err != nil {
			return nil, err
		}
		modules[u[1]] = parseModule(string(text))
	}
	return modules, nil
}

// strays returns a sentence for each version that is not the product's, and for each requirement of the product that its code has no use for.
func strays(modules map[string]module, in imports) (sentences []string) {
	product := modules["."]
	for _, dir := range slices.Sorted(maps.Keys(modules)) {
		for name, version := range modules[dir].versions {
			if own := product.versions[name]; own != "" && own != version {
				sentences = append(sentences, fmt.Sprintf("%s/go.mod has %s %s; go.mod has %s, which go.work would raise", dir, name, version, own))
			}
		}
	}
	needs := func(of map[string][]string, name string) bool {
		for dir, all := range of {
			outside := dir == "tests" || dir == "bench" || strings.HasPrefix(dir, "tests/") || strings.HasPrefix(dir, "bench/")
			if !outside && slices.ContainsFunc(all, func(i string) bool { return i == name || strings.HasPrefix(i, name+"/") }) {
				return true
			}
		}
		return false
	}
	for _, name := range product.direct {
		if !needs(in.code, name) && !slices.Contains(testLibraries, name) {
			sentences = append(sentences, fmt.Sprintf("go.mod requires %s, which is not in the program", name))
		}
	}
	for _, name := range testLibraries {
		if !slices.Contains(product.direct, name) {
			sentences = append(sentences, fmt.Sprintf("go.mod does not require %s, which tests are said to need", name))
		}
	}
	slices.Sort(sentences)
	return sentences
}

// TestModules: go.mod has what the program is made of and tested with.
func TestModules(t *testing.T) {
	root := os.DirFS("../..")
	modules, err := readModules(root)
	if err != nil {
		t.Fatal(err)
	}
	in, err := readImports(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(modules) < 4 || len(modules["."].direct) < 10 {
		t.Fatalf("there are %d modules, and the product requires %d; something is wrong with this test", len(modules), len(modules["."].direct))
	}
	for _, s := range strays(modules, in) {
		t.Error(s)
	}
}

// TestStrays: another version, a requirement that only the bench has a use for, a library that is gone.
func TestStrays(t *testing.T) {
	modules, err := readModules(fstest.MapFS{
		"go.work":           {Data: []byte("go 1.26.0\n\nuse (\n\t.\n\t./bench/plot\n)\n")},
		"go.mod":            {Data: []byte("module m\n\nrequire (\n\tx.org/a v1.0.0\n\tx.org/plot v1.2.0\n\tx.org/c v1.0.0 // indirect\n)\n")},
		"bench/plot/go.mod": {Data: []byte("module m/bench/plot\n\nrequire x.org/c v1.1.0\n\nrequire m v0.0.0\n\nreplace m => ../..\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := strays(modules, imports{code: map[string][]string{"a": {"x.org/a/b"}, "bench/plot": {"x.org/plot"}}})
	want := []string{
		"bench/plot/go.mod has x.org/c v1.1.0; go.mod has v1.0.0, which go.work would raise",
		"go.mod requires x.org/plot, which is not in the program",
	}
	for _, name := range testLibraries {
		want = append(want, fmt.Sprintf("go.mod does not require %s, which tests are said to need", name))
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("strays() = %q; want %q", got, want)
	}
}
