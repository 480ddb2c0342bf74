package dist

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"cashew/tests/processtest"
)

// packaged are some of the files that a package has, below its root.
var packaged = []string{
	"usr/bin/cashew", "usr/lib/systemd/system/cashew.service", "usr/lib/sysusers.d/cashew.conf", "usr/share/man/man1/cashew.1",
	"usr/share/bash-completion/completions/cashew", "usr/share/fish/vendor_completions.d/cashew.fish", "usr/share/doc/cashew/README.md",
	"etc/cashew/cashew.yml", "etc/logrotate.d/cashew",
}

// TestPackages builds packages, installs them below a root of their own, starts what is there and removes it.
func TestPackages(t *testing.T) {
	if !*full {
		t.Skip("make dist builds packages")
	}
	if os.Geteuid() != 0 {
		t.Skip("packages are installed by root alone")
	}
	program(t, "make", "-C", "../..", "packages", "VERSION=1.2.3", "ARCHITECTURES="+runtime.GOARCH)
	t.Run("deb", func(t *testing.T) {
		root := scratch(t)
		dpkg := func(args ...string) string {
			return program(t, "dpkg", append([]string{"--root=" + root, "--force-script-chrootless", "--force-architecture"}, args...)...)
		}
		dpkg("--install", one(t, "../../bin/packages/*.deb"))
		works(t, root, "usr/share/zsh/vendor-completions/_cashew")
		if out := dpkg("--status", "cashew"); !strings.Contains(out, "Version: 1.2.3") {
			t.Errorf("the package says of itself\n%s", out)
		}
		if group := read(t, root+"/etc/group"); !strings.Contains(group, "cashew:") {
			t.Errorf("there is no group cashew: %s", group)
		}
		owned(t, root)
		dpkg("--install", one(t, "../../bin/packages/*.deb")) // as a newer one would be
		dpkg("--remove", "cashew")
		gone(t, root, "etc/cashew/cashew.yml", "etc/logrotate.d/cashew")
		dpkg("--purge", "cashew")
		gone(t, root)
	})
	t.Run("rpm", func(t *testing.T) {
		root := scratch(t)
		rpm := func(args ...string) string {
			return program(t, needed(t, "rpm"), append([]string{"--root=" + root}, args...)...)
		}
		// There is no shell in this root. Scripts are those of the deb; that rpm has them is seen.
		rpm("--install", "--nodeps", "--noscripts", one(t, "../../bin/packages/*.rpm"))
		works(t, root, "usr/share/zsh/site-functions/_cashew")
		if out := rpm("--query", "--info", "--scripts", "cashew"); !strings.Contains(out, "1.2.3") || !strings.Contains(out, "systemd-sysusers") || !strings.Contains(out, "disable --now") {
			t.Errorf("the package says of itself\n%s", out)
		}
		rpm("--erase", "--nodeps", "--noscripts", "cashew")
		gone(t, root)
	})
}

// scratch is a root in which nothing is but what dpkg and rpm ask for.
func scratch(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"etc", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/rpm"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"var/lib/dpkg/status", "var/lib/dpkg/available"} {
		if err := os.WriteFile(filepath.Join(root, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// one is the only file that a pattern is for.
func one(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != 1 {
		t.Fatalf("%s is for %q, %v", pattern, files, err)
	}
	path, err := filepath.Abs(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// works: all files are there, the configuration is right, and the program serves and ends as it is told to.
func works(t *testing.T, root, zsh string) {
	t.Helper()
	for _, name := range append([]string{zsh}, packaged...) {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Errorf("the package lacks %s", name)
		}
	}
	installed := root + "/usr/bin/cashew"
	if out := program(t, installed, "-V"); !strings.Contains(out, "1.2.3") {
		t.Errorf("the package's program is %s", out)
	}
	program(t, installed, "check", "--strict", root+"/etc/cashew/cashew.yml")
	listen := "127.0.0.1:" + processtest.FreePort(t)
	config := filepath.Join(t.TempDir(), "cashew.yml")
	text := strings.ReplaceAll(read(t, root+"/etc/cashew/cashew.yml"), "127.0.0.1:22121", listen)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := processtest.New(t, installed, "-c", config, "-a", filepath.Join(processtest.TempDir(t), "stats"))
	p.Up(t, func() bool { return processtest.Listens("tcp", listen) })
	p.Signal(syscall.SIGTERM)
	processtest.Await(t, processtest.Patience, "the proxy ends", p.Ended)
	if code := p.State().ExitCode(); code != 0 {
		t.Errorf("the proxy ended with status %d", code)
	}
}

// owned: passwords may stand in the configuration, so that only the service's group may read it.
func owned(t *testing.T, root string) {
	t.Helper()
	fi, err := os.Stat(root + "/etc/cashew/cashew.yml")
	if err != nil {
		t.Fatal(err)
	}
	owner := fi.Sys().(*syscall.Stat_t)
	if want := fmt.Sprintf("cashew:x:%d:", owner.Gid); fi.Mode().Perm() != 0o640 || owner.Uid != 0 || !strings.Contains(strings.ReplaceAll(read(t, root+"/etc/group"), ":!*:", ":x:"), want) {
		t.Errorf("the configuration has mode %o, owner %d and group %d", fi.Mode().Perm(), owner.Uid, owner.Gid)
	}
}

// gone: nothing of the package is left but what is named.
func gone(t *testing.T, root string, left ...string) {
	t.Helper()
	var got []string
	for _, dir := range []string{"usr", "etc/cashew", "etc/logrotate.d"} {
		if _, err := os.Stat(filepath.Join(root, dir)); err == nil {
			for _, name := range found(t, filepath.Join(root, dir)) {
				got = append(got, filepath.Join(dir, name))
			}
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, left) {
		t.Errorf("the removal left %q; want %q", got, left)
	}
	if fi, err := os.Stat(root); err != nil || fi.Mode()&fs.ModeDir == 0 {
		t.Error("the root is gone as well")
	}
}
