package dist

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"cashew/tests/processtest"
)

// TestVersion: a build's version is what the last tag says, how far it is from it, and without a tag that it is no release.
func TestVersion(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/Makefile", []byte(read(t, "../../Makefile")), 0o600); err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) {
		program(t, "git", append([]string{"-C", dir, "-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "commit.gpgsign=false"}, args...)...)
	}
	version := func() string {
		_, v, _ := strings.Cut(program(t, "make", "-C", dir, "-n", "build"), "main.version=")
		v, _, _ = strings.Cut(v, "'")
		return v
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "one")
	if got := version(); got != "0.1.0-dev" {
		t.Errorf("the version without a tag is %q; want 0.1.0-dev", got)
	}
	git("tag", "v1.2.0")
	if got := version(); got != "1.2.0" {
		t.Errorf("the version at a tag is %q; want 1.2.0", got)
	}
	git("commit", "-q", "--allow-empty", "-m", "two")
	if got := version(); !strings.HasPrefix(got, "1.2.0-1-g") {
		t.Errorf("the version behind a tag is %q; want 1.2.0-1-g...", got)
	}
}

// TestRelease: an archive has the program, of that version, and documents whose links lead somewhere.
func TestRelease(t *testing.T) {
	if !*full {
		t.Skip("make dist builds archives")
	}
	program(t, "make", "-C", "../..", "release", "VERSION=1.2.3", "PLATFORMS="+runtime.GOOS+"/"+runtime.GOARCH)
	program(t, "sh", "-c", "cd ../../bin/release && sha256sum --check --strict SHA256SUMS")
	dir, name := t.TempDir(), "cashew-1.2.3-"+runtime.GOOS+"-"+runtime.GOARCH
	program(t, "tar", "-C", dir, "-xf", "../../bin/release/"+name+".tar.gz")
	if out := program(t, filepath.Join(dir, name, "cashew"), "-V"); !strings.Contains(out, "1.2.3") {
		t.Errorf("the archive's program is %s", out)
	}
	broken(t, filepath.Join(dir, name), ".")
}

// TestLogrotate: what is logged goes on in a new file.
func TestLogrotate(t *testing.T) {
	logrotate := needed(t, "logrotate")
	dir := processtest.TempDir(t)
	log, pid := filepath.Join(dir, "cashew.log"), filepath.Join(dir, "pid")
	// The user cashew need not be there, and a group that may write to its parent is asked who rotates.
	config := strings.NewReplacer("/var/log/cashew", dir, "/run/cashew/cashew.pid", pid, "\tsu cashew cashew\n", "\tsu root root\n").
		Replace(read(t, "../../dist/cashew.logrotate"))
	if os.Geteuid() != 0 {
		config = strings.Replace(config, "\tsu root root\n", "", 1)
	}
	if err := os.WriteFile(dir+"/conf", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := processtest.New(t, cashew, "demo", "--embedded-port=0", "-o", log, "-p", pid, "-a", filepath.Join(dir, "stats"))
	written := func(path string) func() bool {
		return func() bool {
			fi, err := os.Stat(path)
			return err == nil && fi.Size() > 0
		}
	}
	p.Up(t, written(pid))
	processtest.Await(t, processtest.Patience, "the log is written", written(log))
	program(t, logrotate, "--force", "--state", dir+"/state", dir+"/conf")
	processtest.Await(t, processtest.Patience, "a new log is written", written(log))
	if !written(log + ".1")() {
		t.Error("the old log is gone")
	}
}
