//go:build unix

package compat

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// hiredisProgram is the command for c/hiredis.c.
func hiredisProgram(t testing.TB, name string) []string {
	t.Helper()
	lookPath(t, "cc", "gcc libc6-dev")
	path, err := buildHiredis()
	if err != nil {
		missing(t, "tests/compat/c does not build: %v; on Debian: apt-get install libhiredis-dev", err)
	}
	return []string{path, name}
}

var buildHiredis = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "hiredis")
	if out, err := exec.Command("cc", "-Wall", "-O1", "-o", path, "c/hiredis.c", "-lhiredis").CombinedOutput(); err != nil {
		return "", fmt.Errorf("cc: %w\n%s", err, out)
	}
	return path, nil
})

// perlProgram is the command for perl/redis.pl.
func perlProgram(t testing.TB, _ string) []string {
	t.Helper()
	perl := lookPath(t, "perl", "perl")
	if exec.Command(perl, "-MRedis", "-MIO::Socket::SSL", "-e1").Run() != nil { // the second for TLS
		missing(t, "Perl lacks Redis or IO::Socket::SSL; on Debian: apt-get install libredis-perl libio-socket-ssl-perl")
	}
	return []string{perl, here(t, "perl", "redis.pl")}
}

// spymemcachedProgram is the command for java/Spymemcached.java.
func spymemcachedProgram(t testing.TB, _ string) []string {
	t.Helper()
	lookPath(t, "javac", "openjdk-17-jdk-headless")
	if err := buildSpymemcached(); err != nil {
		missing(t, "tests/compat/java does not build: %v; on Debian: apt-get install libspymemcached-java", err)
	}
	version, err := exec.Command("dpkg-query", "--show", "--showformat", "${source:Upstream-Version}", "libspymemcached-java").Output()
	if err != nil || len(version) == 0 {
		version = []byte("?") // the library does not know its own
	}
	number, _, _ := strings.Cut(string(version), "+") // without what Debian calls its copy of the source
	return []string{
		"java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-Dversion=" + number, "-cp", spymemcachedJar + ":" + scratch, "Spymemcached",
	}
}

const spymemcachedJar = "/usr/share/java/spymemcached.jar"

var buildSpymemcached = sync.OnceValue(func() error {
	if out, err := exec.Command("javac", "-cp", spymemcachedJar, "-d", scratch, "java/Spymemcached.java").CombinedOutput(); err != nil {
		return fmt.Errorf("javac: %w\n%s", err, out)
	}
	return nil
})
