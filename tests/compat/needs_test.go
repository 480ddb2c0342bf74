//go:build unix

package compat

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// missing skips a test that needs something which is not on this machine, and fails it if CI=true.
func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("CI=true, and "+format, args...)
	}
	t.Skipf(format, args...)
}

// lookPath finds a program, which a package of Debian brings.
func lookPath(t testing.TB, program, debian string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		missing(t, "%s is not in PATH; on Debian: apt-get install %s", program, debian)
	}
	return path
}

// nodeProgram is the command for node/NAME.mjs, with its packages installed.
func nodeProgram(t testing.TB, name string) []string {
	t.Helper()
	node := lookPath(t, "node", "nodejs")
	lookPath(t, "npm", "npm")
	const oldest = "20" // for node-redis 6 and ioredis 6
	if exec.Command(node, "-e", "process.exit(parseInt(process.versions.node) < "+oldest+" ? 1 : 0)").Run() != nil {
		missing(t, "%s is older than Node.js %s", node, oldest)
	}
	dir, install := "node", installNode
	if _, err := os.Stat(filepath.Join("node", "apps", name+".mjs")); err == nil {
		dir, install = "node/apps", installNodeApps
	}
	if err := install(); err != nil {
		missing(t, "npm's packages of tests/compat/%s are not installed: %v", dir, err)
	}
	return []string{node, here(t, dir, name+".mjs")}
}

var (
	installNode     = npmInstall("node")
	installNodeApps = npmInstall("node/apps")
)

// npmInstall installs what a directory's package-lock.json lists, once. npm ci always begins from nothing, so a copy of the lock
// file tells whether that is needed.
func npmInstall(dir string) func() error {
	return sync.OnceValue(func() error {
		lock, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
		if err != nil {
			return err
		}
		copied := filepath.Join(dir, "node_modules", ".installed-lock.json")
		if was, err := os.ReadFile(copied); err == nil && bytes.Equal(was, lock) {
			return nil
		}
		// Scripts of packages would compile what there is in JavaScript as well.
		cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("npm ci: %w\n%s", err, out)
		}
		return os.WriteFile(copied, lock, 0o600)
	})
}

// golangProgram is the command for a library of golang/.
func golangProgram(t testing.TB, name string) []string {
	t.Helper()
	build := buildGolang
	switch name {
	case "gomemcache":
		build = buildGomemcache
	case "asynq":
		build = buildAsynq
	}
	path, err := build()
	if err != nil {
		missing(t, "tests/compat/golang does not build: %v", err)
	}
	return []string{path, name}
}

// What make test has no use for is a program of its own, so that nobody fetches its modules there.
var (
	buildGolang     = golangBuild(".")
	buildGomemcache = golangBuild("./gomemcache")
	buildAsynq      = golangBuild("./asynq")
)

// golangBuild builds a package of golang/, once.
func golangBuild(pkg string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		path := filepath.Join(scratch, "golang-"+filepath.Base(pkg))
		cmd := exec.Command("go", "build", "-o", path, pkg)
		cmd.Dir, cmd.Env = "golang", append(os.Environ(), "GOWORK=off") // a module of its own, of no workspace
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go build: %w\n%s", err, out)
		}
		return path, nil
	})
}

// phpredisProgram is the command for php/phpredis.php.
func phpredisProgram(t testing.TB, name string) []string {
	t.Helper()
	return phpProgram(t, name, "php-redis", `exit(extension_loaded("redis") ? 0 : 1);`)
}

// predisProgram is the command for php/predis.php.
func predisProgram(t testing.TB, name string) []string {
	t.Helper()
	return phpProgram(t, name, "php-predis", `exit((@include "Predis/Autoloader.php") ? 0 : 1);`)
}

// phpMemcachedProgram is the command for php/memcached.php.
func phpMemcachedProgram(t testing.TB, _ string) []string {
	t.Helper()
	return phpProgram(t, "memcached", "php-memcached", `exit(extension_loaded("memcached") ? 0 : 1);`)
}

// symfonyProgram is the command for php/symfony-messenger.php.
func symfonyProgram(t testing.TB, name string) []string {
	t.Helper()
	const probe = `exit(extension_loaded("redis") && (@include "Symfony/Component/Messenger/Bridge/Redis/autoload.php") ? 0 : 1);`
	return phpProgram(t, name, "php-symfony-messenger php-symfony-redis-messenger", probe)
}

// laravelProgram is the command for php/laravel.php.
func laravelProgram(t testing.TB, name string) []string {
	t.Helper()
	const probe = `error_reporting(0); exit(extension_loaded("redis") && (@include "Illuminate/autoload.php") ? 0 : 1);`
	return phpProgram(t, name, "php-laravel-framework", probe)
}

func phpProgram(t testing.TB, name, debian, probe string) []string {
	t.Helper()
	php := lookPath(t, "php", "php-cli")
	if exec.Command(php, "-r", probe).Run() != nil {
		missing(t, "PHP lacks %s; on Debian: apt-get install %s", name, debian)
	}
	return []string{php, here(t, "php", name+".php")}
}

// pythonProgram is the command for python/scenario.py.
func pythonProgram(t testing.TB, name string) []string {
	t.Helper()
	modules, debian := "redis", "python3-redis"
	if strings.HasSuffix(name, "hiredis") {
		modules, debian = "redis, hiredis", "python3-redis python3-hiredis"
	}
	return findPython(t, "scenario.py", name, modules, debian)
}

// pylibmcProgram is the command for python/memcached.py.
func pylibmcProgram(t testing.TB, name string) []string {
	t.Helper()
	return findPython(t, "memcached.py", name, "pylibmc", "python3-pylibmc")
}

// pymemcacheProgram is the command for python/pymemcache_scenario.py.
func pymemcacheProgram(t testing.TB, name string) []string {
	t.Helper()
	return findPython(t, "pymemcache_scenario.py", name, "pymemcache", "python3-pymemcache")
}

// djangoProgram is the command for python/caches.py.
func djangoProgram(t testing.TB, name string) []string {
	t.Helper()
	module := strings.ReplaceAll(strings.TrimPrefix(name, "django-"), "redis", "django_redis")
	return findPython(t, "caches.py", name, "django, "+module, "python3-django python3-"+strings.ReplaceAll(module, "_", "-"))
}

// python is the command for a program of python/ that imports a module of the same name as Debian's package.
func python(program, module string) func(testing.TB, string) []string {
	return func(t testing.TB, name string) []string {
		t.Helper()
		return findPython(t, program, name, module, "python3-"+strings.ReplaceAll(module, "_", "-"))
	}
}

// findPython is the command for a program of python/. The first python3 in PATH need not be Debian's, which has Debian's
// packages.
func findPython(t testing.TB, program, name, modules, debian string) []string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import "+modules).Run() == nil {
			return []string{python, "-B", here(t, "python", program), name}
		}
	}
	missing(t, "no python3 can import %s; on Debian: apt-get install %s", modules, debian)
	return nil
}

// rubyProgram is the command for ruby/NAME.rb.
func rubyProgram(t testing.TB, name string) []string {
	t.Helper()
	ruby, gem := lookPath(t, "ruby", "ruby"), strings.TrimSuffix(name, "-rb")
	if exec.Command(ruby, "-e", `require "`+gem+`"`).Run() != nil {
		missing(t, "Ruby lacks %s; on Debian: apt-get install ruby-%s", name, gem)
	}
	return []string{ruby, here(t, "ruby", name+".rb")}
}

// here is the absolute path of a file of this package.
func here(t testing.TB, elem ...string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
