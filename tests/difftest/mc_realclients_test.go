//go:build unix

package difftest

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cashew/tests/processtest"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/google/go-cmp/cmp"
)

// TestGomemcache uses gomemcache as applications do.
func TestGomemcache(t *testing.T) {
	t.Parallel()
	servers := startMemcacheds(t, 4)
	settings := spread
	if underTest.name == "cashew" {
		settings = append([]string{"memcached_admin: true"}, spread...)
	}
	p := startLoops(t, 2, mcPoolOf(servers, settings...))
	c := memcache.New(p.addr("p"))
	defer c.Close()
	c.Timeout = patience
	check := func(what string, got, want any, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	wantErr := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v; want %v", what, err, want)
		}
	}
	value := func(key string) (string, error) {
		item, err := c.Get(key)
		if err != nil {
			return "", err
		}
		return string(item.Value), nil
	}
	for i := range 20 {
		k := fmt.Sprint("key:", i)
		item := &memcache.Item{Key: k, Value: []byte("1"), Flags: uint32(i), Expiration: 1000}
		check("Set", nil, nil, c.Set(item))
		got, err := c.Get(k)
		if err == nil && got.Flags != uint32(i) {
			t.Errorf("Get %s has flags %d, want %d", k, got.Flags, i)
		}
		wantErr("Add", c.Add(item), memcache.ErrNotStored)
		wantErr("Replace", c.Replace(item), nil)
		wantErr("Append", c.Append(&memcache.Item{Key: k, Value: []byte("2")}), nil)
		wantErr("Prepend", c.Prepend(&memcache.Item{Key: k, Value: []byte("3")}), nil)
		v, err := value(k)
		check("Get", v, "312", err)
		n, err := c.Increment(k, 5)
		check("Increment", n, uint64(317), err)
		n, err = c.Decrement(k, 7)
		check("Decrement", n, uint64(310), err)
		wantErr("Touch", c.Touch(k, 2000), nil)

		got, err = c.Get(k)
		if err != nil {
			t.Fatal(err)
		}
		got.Value = []byte("by cas")
		wantErr("CompareAndSwap", c.CompareAndSwap(got), nil)
		wantErr("CompareAndSwap again", c.CompareAndSwap(got), memcache.ErrCASConflict)
		v, err = value(k)
		check("Get", v, "by cas", err)
		wantErr("Delete", c.Delete(k), nil)
		wantErr("Delete again", c.Delete(k), memcache.ErrCacheMiss)
		wantErr("CompareAndSwap of nothing", c.CompareAndSwap(got), memcache.ErrCacheMiss)
		wantErr("Touch nothing", c.Touch(k, 1), memcache.ErrCacheMiss)
		_, err = c.Increment(k, 1)
		wantErr("Increment nothing", err, memcache.ErrCacheMiss)
		_, err = c.Get(k)
		wantErr("Get nothing", err, memcache.ErrCacheMiss)
		wantErr("Replace nothing", c.Replace(item), memcache.ErrNotStored)
		wantErr("Append to nothing", c.Append(item), memcache.ErrNotStored)
		wantErr("Add", c.Add(item), nil)
	}
	var keys []string
	want := map[string]string{}
	for i := range 500 {
		k := fmt.Sprint("multi:", i)
		if i%5 != 0 {
			want[k] = mcValue(k)
			check("Set", nil, nil, c.Set(&memcache.Item{Key: k, Value: []byte(mcValue(k))}))
		}
		keys = append(keys, k)
	}
	items, err := c.GetMulti(keys)
	got := map[string]string{}
	for k, item := range items {
		got[k] = string(item.Value)
	}
	check("GetMulti", got, want, err)
	big := string(randomBytes(1, 900_000))
	check("Set 900 KB", nil, nil, c.Set(&memcache.Item{Key: "big", Value: []byte(big)}))
	v, err := value("big")
	check("Get 900 KB", v == big, true, err)
	wantErr("Set a bad key", c.Set(&memcache.Item{Key: "a b"}), memcache.ErrMalformedKey)
	if underTest.name == "cashew" {
		item, err := c.GetAndTouch("multi:1", 1000)
		if err != nil {
			t.Fatal(err)
		}
		check("GetAndTouch", string(item.Value), want["multi:1"], err)
		_, err = c.GetAndTouch("none", 1000)
		wantErr("GetAndTouch nothing", err, memcache.ErrCacheMiss)
		if err := c.Set(&memcache.Item{Key: "too big", Value: make([]byte, 2<<20)}); err == nil {
			t.Error("Set of 2 MB succeeded")
		}
		if err := c.Set(&memcache.Item{Key: "too-big", Value: make([]byte, 2<<20)}); err == nil {
			t.Error("Set of 2 MB succeeded")
		}
		wantErr("DeleteAll", c.DeleteAll(), nil)
		_, err = c.Get("multi:1")
		wantErr("Get after DeleteAll", err, memcache.ErrCacheMiss)
		wantErr("FlushAll", c.FlushAll(), nil)
	}
	wantErr("Ping", c.Ping(), nil)

	errs := make(chan error, 20)
	for id := range cap(errs) {
		go func() { errs <- mcCountUp(c, fmt.Sprint("counter:", id)) }()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func mcCountUp(c *memcache.Client, key string) error {
	if err := c.Set(&memcache.Item{Key: key, Value: []byte("0")}); err != nil {
		return err
	}
	for i := range uint64(100) {
		n, err := c.Increment(key, 1)
		if err != nil {
			return err
		}
		if n != i+1 {
			return fmt.Errorf("increment %s = %d; want %d", key, n, i+1)
		}
	}
	return nil
}

// lookTool finds one of libmemcached's tools, which Debian calls memccat and others memcat.
func lookTool(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return processtest.LookPath(t, names[0])
}

func TestLibmemcachedTools(t *testing.T) {
	t.Parallel()
	servers := startMemcacheds(t, 4)
	addr := startProxy(t, mcPoolOf(servers, spread...)).addr("p")
	dir := processtest.TempDir(t)
	var files []string
	content := map[string]string{}
	for i := range 12 {
		name := fmt.Sprint("file", i)
		content[name] = strings.Repeat(fmt.Sprintln("line", i), 1+i*500)
		files = append(files, filepath.Join(dir, name))
		if err := os.WriteFile(files[i], []byte(content[name]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(ok bool, names []string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), lookTool(t, names...), append([]string{"--servers=" + addr}, args...)...)
		out, err := cmd.CombinedOutput()
		if (err == nil) != ok {
			t.Fatalf("%s %s: %v, %s", names[0], clip(strings.Join(args, " ")), err, clip(string(out)))
		}
		return string(out)
	}
	memcp, memcat := []string{"memccp", "memcp"}, []string{"memccat", "memcat"}
	memexist, memtouch := []string{"memcexist", "memexist"}, []string{"memctouch", "memtouch"}
	run(true, memcp, files...)
	for name, want := range content {
		if got := run(true, memcat, name); strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("memcat %s = %q; want %q", name, clip(got), clip(want))
		}
		run(true, memexist, name)
		run(true, memtouch, "--expire=1000", name)
	}
	all := run(true, memcat, slices.Sorted(maps.Keys(content))...)
	for name, want := range content {
		if !strings.Contains(all, want) {
			t.Errorf("memcat of all files lacks %s", name)
		}
	}
	run(true, []string{"memcping", "memping"})
	run(true, []string{"memcrm", "memrm"}, "file1")
	run(false, memcat, "file1")
	run(false, memexist, "file1")
	run(false, memtouch, "--expire=10", "file1")
	run(true, memexist, "file2")
	if underTest.name == "cashew" {
		for name, want := range content {
			if name != "file1" {
				if got := run(true, memcat, "--binary", name); strings.TrimSpace(got) != strings.TrimSpace(want) {
					t.Errorf("memcat --binary %s = %q; want %q", name, clip(got), clip(want))
				}
			}
		}
		run(true, memcp, append([]string{"--binary"}, files...)...)
		run(true, memtouch, "--binary", "--expire=1000", "file1")
		run(true, []string{"memcrm", "memrm"}, "--binary", "file1")
		run(false, memcat, "--binary", "file1")
		run(false, memcat, "file1")
		run(true, memcat, "file2")
	}
}

var capableCase = regexp.MustCompile(`(ascii [a-z]+(?: [a-z]+)*) {2,}(\[pass\])?`)

// memcapable runs libmemcached's conformance test against addr and returns the cases that fail, in order.
func memcapable(t *testing.T, addr string) []string {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), lookTool(t, "memccapable", "memcapable"), "-a", "-t", "1", "-h", host, "-p", port)
	out, _ := cmd.Output() // it fails if one of its cases does
	var failed []string
	passed := 0
	for _, m := range capableCase.FindAllStringSubmatch(string(out), -1) {
		if m[2] == "" {
			failed = append(failed, m[1])
		} else {
			passed++
		}
	}
	if passed+len(failed) != 27 {
		t.Fatalf("memcapable ran %d cases, want 27:\n%s", passed+len(failed), out)
	}
	return failed
}

func TestMemcapable(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes clients at flush_all, stats and verbosity, 7.1")
	admin := "memcached_admin: true"
	refused := map[string]string{ // in a pool without memcached_admin
		"ascii flush":         "flush_all is refused",
		"ascii flush noreply": "flush_all is refused, and its items stay",
		"ascii stat":          "stats is refused",
		"ascii verbosity":     "verbosity is refused",
	}
	for _, c := range []struct {
		name     string
		servers  int
		settings []string
		failing  map[string]string
	}{
		{"direct", 0, nil, nil},
		{"admin, one server", 1, []string{admin}, nil},
		{"admin, four servers", 4, append([]string{admin}, spread...), nil},
		{"one server", 1, nil, refused},
		{"four servers", 4, spread, refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var failed []string
			if c.servers == 0 {
				failed = memcapable(t, startMemcached(t).addr)
			} else {
				failed = memcapable(t, startProxy(t, mcPoolOf(startMemcacheds(t, c.servers), c.settings...)).addr("p"))
			}
			for _, name := range failed {
				if c.failing[name] == "" {
					t.Errorf("%s fails", name)
				}
			}
			for name := range c.failing {
				if !slices.Contains(failed, name) {
					t.Errorf("%s passes now; remove it from the table", name)
				}
			}
		})
	}
}
