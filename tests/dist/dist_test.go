// Package dist tests what is installed beside the program: the files of the folder dist, and the documents.
package dist

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cashew/tests/processtest"
)

// program runs a command that the test needs.
func program(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(processtest.LookPath(t, name), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// full is for make dist: the programs that a few tests use have to be there then, and packages are built.
var full = flag.Bool("full", false, "what is not there fails the test, and packages are built, installed and removed")

// cashew is the program, built once.
var cashew string

func TestMain(m *testing.M) {
	path, remove, err := processtest.Build()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
	cashew = path
	code := m.Run()
	remove()
	os.Exit(code)
}

// needed finds a program that make dist installs: without it, and without -full, the test is skipped.
func needed(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case *full:
		t.Fatalf("%s is not in PATH", name)
	}
	t.Skipf("%s is not in PATH; make dist installs it", name)
	return ""
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// found are the files below dir, links with what they lead to.
func found(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if to, err := os.Readlink(path); err == nil {
			name += " -> " + to
		}
		files = append(files, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestInstall(t *testing.T) {
	dir := t.TempDir()
	program(t, "make", "-C", "../..", "install", "DESTDIR="+dir, "PREFIX=/usr", "NUTCRACKER=1")
	got := found(t, dir)
	for _, want := range []string{
		"usr/bin/cashew",
		"usr/bin/nutcracker -> cashew",
		"usr/share/man/man1/cashew.1",
		"usr/share/bash-completion/completions/cashew",
		"usr/share/bash-completion/completions/nutcracker -> cashew",
		"usr/share/zsh/site-functions/_cashew",
		"usr/share/fish/vendor_completions.d/cashew.fish",
		"usr/lib/systemd/system/cashew.service",
		"usr/lib/sysusers.d/cashew.conf",
		"usr/share/doc/cashew/LICENSE",
		"usr/share/doc/cashew/README.md",
		"usr/share/doc/cashew/configs/nutcracker.yml",
		"usr/share/doc/cashew/docs/migrating-from-twemproxy.md",
		"usr/share/doc/cashew/dist/kubernetes/deployment.yaml",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%s was not installed", want)
		}
	}
	for name, mode := range map[string]fs.FileMode{
		"bin/cashew": 0o755, "lib/systemd/system/cashew.service": 0o644, "share/man/man1/cashew.1": 0o644,
	} {
		fi, err := os.Stat(filepath.Join(dir, "usr", name))
		if err != nil {
			t.Fatal(err)
		}
		if fi.Mode().Perm() != mode {
			t.Errorf("%s has mode %o; want %o", name, fi.Mode().Perm(), mode)
		}
	}
	if unit := read(t, dir+"/usr/lib/systemd/system/cashew.service"); !strings.Contains(unit, "\nExecStart=/usr/bin/cashew ") {
		t.Error("the unit does not start PREFIX/bin/cashew")
	}
	program(t, dir+"/usr/bin/nutcracker", "-V")
	broken(t, dir+"/usr/share/doc/cashew", ".")

	program(t, "make", "-C", "../..", "uninstall", "DESTDIR="+dir, "PREFIX=/usr")
	if left := found(t, dir); len(left) > 0 {
		t.Errorf("make uninstall left %q", left)
	}
}

// Another program's nutcracker is not ours to remove.
func TestUninstallLeavesOthers(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "usr/bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bin+"/nutcracker", nil, 0o700); err != nil {
		t.Fatal(err)
	}
	program(t, "make", "-C", "../..", "uninstall", "DESTDIR="+dir, "PREFIX=/usr")
	if got := found(t, dir); !slices.Equal(got, []string{"usr/bin/nutcracker"}) {
		t.Errorf("there is %q; want usr/bin/nutcracker", got)
	}
}

func TestUnit(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bin+"/cashew", []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	unit := strings.ReplaceAll(read(t, "../../dist/cashew.service"), "/usr/local/bin", bin)
	unit = strings.ReplaceAll(unit, "man:cashew(1)", "https://localhost/") // not installed here
	path := filepath.Join(dir, "cashew.service")
	if err := os.WriteFile(path, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := program(t, "systemd-analyze", "verify", "--recursive-errors=no", "--man=no", path); out != "" {
		t.Errorf("systemd-analyze verify: %s", out)
	}
	// It fails where the exposure is more than 1.5 of 10.
	program(t, "systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", path)
}

// What the unit and the image ask for has to go together: a stop has the time that it takes, a reload looks at the file that was started with
// before it says that all is well, and a proxy that drains is alive.
func TestUnitAndImageAgree(t *testing.T) {
	unit := read(t, "../../dist/cashew.service")
	number := func(text, pattern string) int {
		m := regexp.MustCompile(pattern).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("there is no %s", pattern)
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	stop := number(unit, `(?m)^TimeoutStopSec=(\d+)s$`) * 1000
	drain := number(read(t, "../../configs/README.md"), "`drain_timeout` \\| milliseconds \\| `(\\d+)`") + number(unit, `--drain-delay=(\d+)\b`)
	if stop <= drain {
		t.Errorf("systemd kills after %d ms what may drain for %d", stop, drain)
	}
	file := regexp.MustCompile(`(?m)^ExecStart=(\S+) -c (\S+) `).FindStringSubmatch(unit)
	if reload := regexp.MustCompile(`(?m)^ExecReload=(.*)$`).FindAllStringSubmatch(unit, -1); len(reload) != 2 ||
		reload[0][1] != file[1]+" check "+file[2] || !strings.Contains(reload[1][1], "kill -HUP") {
		t.Errorf("a reload is %q; want a check of %s, and then SIGHUP", reload, file[2])
	}
	if image := read(t, "../../dist/Dockerfile"); !strings.Contains(image, `CMD ["/cashew", "health", "--live"]`) {
		t.Error("the image's health check does not ask whether the proxy is alive")
	}
}

func TestManPage(t *testing.T) {
	if out := program(t, "groff", "-ww", "-man", "-Tutf8", "-z", "../../dist/cashew.1"); out != "" {
		t.Errorf("groff warns: %s", out)
	}
}

// A pool's or global's key that the documents name is one that configs/README.md describes.
func TestDocumentsNameKeysThatExist(t *testing.T) {
	keys := make(map[string]bool)
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(read(t, "../../configs/README.md"), -1) {
		keys[m[1]] = true
	}
	if !keys["listen"] || !keys["drain_timeout"] {
		t.Fatalf("configs/README.md has the keys %v; something is wrong with this test", keys)
	}
	for _, path := range []string{"../../docs/migrating-from-twemproxy.md", "../../docs/upgrading.md"} {
		text := read(t, path)
		for _, m := range regexp.MustCompile("`(?:global\\.)?([a-z]+(?:_[a-z]+)+)(?:: [^`]*)?`").FindAllStringSubmatch(text, -1) {
			if !keys[m[1]] && !figures[m[1]] {
				t.Errorf("%s: there is no key %s", path, m[1])
			}
		}
	}
}

// figures are names in the statistics, and commands, which look like keys.
var figures = map[string]bool{
	"cashew_server_unneeded_auth_total": true,
	"client_eof":                        true, "client_err": true, "curr_connections": true, "total_connections": true, "server_ejected_at": true,
	"server_eof": true, "server_err": true, "server_timedout": true, "server_ejects": true, "forward_error": true,
	"flush_all": true,
}
