package dist

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every command line of the documents is found here and runs, or is looked at as closely as can be: a line for which nobody knows a way
// fails the test. Those that stand in blocks run in a machine of their own, see sandbox_test.go; a make runs as far as make -n does; what
// goes to programs of others (docker, systemctl) has to name files that there are.

// A commandLine is one of a document.
type commandLine struct {
	where string
	text  string
	block bool     // it stands in a block of its own
	says  []string // what follows it there
}

// programs begin a command line.
const programs = `(?:cashew|nutcracker|make|go|curl|redis-cli|systemctl|docker|kubectl|kill|printf|sed|openssl)`

var (
	inBlock = regexp.MustCompile(`^(?:    |\t)\s*(\$ )?(` + programs + `(?: .*)?)$`)
	inline  = regexp.MustCompile("`(" + programs + " [^`]+)`")
	behind  = regexp.MustCompile(` {2,}\S| +# `) // begins what is said of a command
)

// bare is a line without what is said of the command behind it.
func bare(line string) string {
	for _, m := range behind.FindAllStringIndex(line, -1) {
		before := line[:m[0]]
		if strings.Count(before, "'")%2 == 0 && strings.Count(before, `"`)%2 == 0 {
			return before
		}
	}
	return line
}

// commandLines finds those of a page. In a block in which some lines begin with "$ " these are the commands, and the others what they say.
func commandLines(name, text string) (all []commandLine) {
	lines := strings.Split(strings.ReplaceAll(text, "`\n", "` \n"), "\n")
	for i := 0; i < len(lines); i++ {
		if !strings.HasPrefix(lines[i], "    ") {
			text := lines[i]
			for strings.Count(text, "`")%2 == 1 && i+1 < len(lines) { // code that goes on in the next line
				i++
				text += " " + lines[i]
			}
			for _, m := range inline.FindAllStringSubmatch(text, -1) {
				all = append(all, commandLine{where: fmt.Sprintf("%s:%d", name, i+1), text: m[1]})
			}
			continue
		}
		end := i
		for end < len(lines) && (strings.HasPrefix(lines[end], "    ") || lines[end] == "") {
			end++
		}
		prompts := slices.ContainsFunc(lines[i:end], func(l string) bool { return strings.HasPrefix(l, "    $ ") })
		from := len(all)
		for j, l := range lines[i:end] {
			switch m := inBlock.FindStringSubmatch(l); {
			case m != nil && (m[1] != "" || !prompts):
				all = append(all, commandLine{where: fmt.Sprintf("%s:%d", name, i+j+1), text: strings.TrimSpace(bare(m[2])), block: true})
			case prompts && len(all) > from && l != "":
				last := &all[len(all)-1]
				last.says = append(last.says, strings.TrimPrefix(l, "    "))
			}
		}
		i = end - 1
	}
	return all
}

// pages are the documents whose command lines are run.
func pages(t *testing.T) (names []string) {
	t.Helper()
	for _, pattern := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "configs/README.md", "docs/*.md"} {
		found, err := filepath.Glob("../../" + pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %q, %v", pattern, found, err)
		}
		names = append(names, found...)
	}
	return names
}

func TestCommandLines(t *testing.T) {
	s := newSandbox(t)
	n := map[bool]int{}
	for _, page := range pages(t) {
		for _, c := range commandLines(strings.TrimPrefix(page, "../../"), read(t, page)) {
			n[c.block]++
			if err := s.try(c); err != nil {
				t.Errorf("%s: %s\n%v", c.where, c.text, err)
			}
		}
	}
	if n[true] < 50 || n[false] < 100 {
		t.Errorf("there are %d command lines in blocks and %d others; something is wrong with this test", n[true], n[false])
	}
}

// try runs a command line, or looks at it.
func (s *sandbox) try(c commandLine) error {
	name, rest, _ := strings.Cut(c.text, " ")
	if name == "nutcracker" && !c.block && strings.HasPrefix(rest, "-") {
		name = "cashew" // whose options it has
	}
	switch name {
	case "make":
		return s.tryMake(c.text)
	case "go":
		return s.tryGo(c.text)
	case "cashew", "nutcracker":
		if c.block && name == "cashew" && !strings.HasPrefix(rest, "upgrade ") {
			return s.run(c)
		}
		return s.tryWords(rest)
	case "redis-cli", "printf", "sed", "kill", "curl":
		if c.block {
			return s.run(c)
		}
		return nil // a part of a sentence
	case "systemctl", "docker", "kubectl", "openssl":
		for _, w := range regexp.MustCompile(`[\w./-]*dist/[\w./-]+`).FindAllString(rest, -1) {
			if _, err := os.Stat(filepath.Join("../..", w)); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("nobody knows how to try this")
}

// tryWords looks whether there is such a command, and whether it has such options.
func (s *sandbox) tryWords(rest string) error {
	usage := s.help
	words := strings.Fields(rest)
	if words[0] == "relaod" { // the mistake that the README makes
		return nil
	}
	if !strings.HasPrefix(words[0], "-") {
		out, err := exec.Command(cashew, words[0], "--help").CombinedOutput()
		if err != nil {
			return fmt.Errorf("there is no command %s", words[0])
		}
		usage = string(out)
	}
	for _, w := range words {
		option, _, _ := strings.Cut(w, "=")
		if strings.HasPrefix(w, "-") && !regexp.MustCompile(`(?m)(^|[ ,])`+regexp.QuoteMeta(option)+`([ ,\[=]|$)`).MatchString(usage) {
			return fmt.Errorf("there is no option %s:\n%s", option, usage)
		}
	}
	return nil
}

var makeVariable = regexp.MustCompile(`\b([A-Z]+)=('[^']*'|"[^"]*"|\S*)`)

// tryMake looks whether make has such a target, which takes such variables, and whether what it starts has flags that are named in ARGS.
func (s *sandbox) tryMake(text string) error {
	text, _, _ = strings.Cut(text, " && ")
	variables := makeVariable.FindAllStringSubmatch(text, -1)
	targets := strings.Fields(makeVariable.ReplaceAllString(text, ""))[1:]
	for _, target := range targets {
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(target) + `:`).MatchString(s.makefile) {
			return fmt.Errorf("the Makefile has no target %s", target)
		}
	}
	for _, v := range variables {
		inMakefile := regexp.MustCompile(`\$\((if |or )?` + v[1] + `\b`).MatchString(s.makefile)
		if !inMakefile && !strings.Contains(s.flags, `"`+v[1]+`"`) { // or it is looked up in the environment
			return fmt.Errorf("the Makefile has no variable %s", v[1])
		}
		if v[1] != "ARGS" {
			continue
		}
		for _, f := range regexp.MustCompile(`(?:^|[ '"])-([a-z][a-z.-]*)`).FindAllStringSubmatch(v[2], -1) {
			if f[1] != "run" && !strings.Contains(s.flags, `"`+f[1]+`"`) {
				return fmt.Errorf("no program below tests and bench has a flag -%s", f[1])
			}
		}
	}
	return nil
}

// tryGo looks whether there is such a package, and a test or benchmark of such a name.
func (s *sandbox) tryGo(text string) error {
	words := strings.Fields(text)
	if words[1] == "tool" {
		return nil
	}
	dir := ""
	for _, w := range words {
		if strings.HasPrefix(w, "./") {
			dir = filepath.Join("../..", w)
		}
	}
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil || dir == "" || len(files) == 0 {
		return fmt.Errorf("there is no such package")
	}
	for i, w := range words[:len(words)-1] {
		kind := map[string]string{"-run": "Test", "-bench": "Benchmark"}[w]
		if kind == "" || words[1] != "test" || words[i+1] == "Name" {
			continue
		}
		found := slices.ContainsFunc(files, func(f string) bool {
			text, err := os.ReadFile(f)
			return err == nil && regexp.MustCompile(`(?m)^func `+kind+`\w*(`+words[i+1]+`)`).Match(text)
		})
		if !found {
			return fmt.Errorf("there is no %s of this name in %s", kind, dir)
		}
	}
	return nil
}

// TestCommandLinesAreFound: in sentences, over the end of a line, in blocks, with what they say.
func TestCommandLinesAreFound(t *testing.T) {
	got := commandLines("p", "Say `cashew check FILE`, or `make\nbench`, not `cashew`.\n\n    $ cashew diff a b\n    no key moves\n    cashew says so\n\nthen\n\n"+
		"1. do\n\n        make run   # now\n    make test    all tests\n    a: make x\n    printf 'a:\\n  b'  >c\n")
	want := []commandLine{
		{"p:2", "cashew check FILE", false, nil},
		{"p:2", "make bench", false, nil},
		{"p:4", "cashew diff a b", true, []string{"no key moves", "cashew says so"}},
		{"p:12", "make run", true, nil},
		{"p:13", "make test", true, nil},
		{"p:15", `printf 'a:\n  b'`, true, nil},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("commandLines() = %v; want %v", got, want)
	}
}
