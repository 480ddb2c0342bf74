package configs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cashew/audit"
	"cashew/codec"
	"cashew/engine"
)

func TestParseValid(t *testing.T) {
	for _, s := range validSamples {
		t.Run(s.name, func(t *testing.T) {
			f, err := parse(testFile, []byte(s.file), testLookup)
			if err != nil {
				t.Fatalf("Parse(%q) = %v; want no error", s.file, err)
			}
			checkInvariants(t, f)
			if s.want != nil {
				got := slices.Clone(f.Options.Pools)
				for i := range got {
					got[i].Protocol = nil
				}
				if diff := cmp.Diff(s.want, got); diff != "" {
					t.Errorf("Parse(%q), -want +got:\n%s", s.file, diff)
				}
			}
			var want []string
			for _, w := range s.warnings {
				want = append(want, "configs: "+testFile+":"+w)
			}
			if diff := cmp.Diff(want, f.Warnings); diff != "" {
				t.Errorf("warnings of %q, -want +got:\n%s", s.file, diff)
			}
		})
	}
}

// What only the protocol knows.
func TestParsePassword(t *testing.T) {
	tests := []struct {
		name  string
		extra []string
		want  []string // what a server connection says first
	}{
		{"none", nil, nil},
		{"number", []string{"redis_auth: 0123"}, []string{"*2\r\n$4\r\nAUTH\r\n$4\r\n0123\r\n"}},
		{"boolean", []string{"redis_auth: true"}, []string{"*2\r\n$4\r\nAUTH\r\n$4\r\ntrue\r\n"}},
		{"hexadecimal", []string{"redis_auth: 0x10"}, []string{"*2\r\n$4\r\nAUTH\r\n$4\r\n0x10\r\n"}},
		{"tilde", []string{"redis_auth: ~"}, []string{"*2\r\n$4\r\nAUTH\r\n$1\r\n~\r\n"}},
		{"spaces", []string{"redis_auth: a b  c # comment"}, []string{"*2\r\n$4\r\nAUTH\r\n$6\r\na b  c\r\n"}},
		{"two lines", []string{"redis_auth: a", "  b"}, []string{"*2\r\n$4\r\nAUTH\r\n$3\r\na b\r\n"}},
		{"literal", []string{"redis_auth: |", "  a"}, []string{"*2\r\n$4\r\nAUTH\r\n$1\r\na\r\n"}}, // for twemproxy the end of the line belongs to it
		{"escapes", []string{`redis_auth: "a\tb"`}, []string{"*2\r\n$4\r\nAUTH\r\n$3\r\na\tb\r\n"}},
		{"database", []string{"redis_db: 12"}, []string{"*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n"}},
		{"both", []string{"redis_db: 12", "redis_auth: a"}, []string{"*2\r\n$4\r\nAUTH\r\n$1\r\na\r\n", "*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := parse(testFile, []byte(pool1(append(tt.extra, "redis: true")...)), testLookup)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, command := range f.Options.Pools[0].Protocol.Handshake(codec.Login{}, 0, f.Options.Pools[0].Protocol.Home()) {
				got = append(got, string(command))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Handshake, -want +got:\n%s", diff)
			}
		})
	}
}

func TestParseSortsPools(t *testing.T) {
	i := slices.IndexFunc(validSamples, func(s sample) bool { return s.name == "pools sorted by length, then bytes" })
	f, err := parse(testFile, []byte(validSamples[i].file), testLookup)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range f.Options.Pools {
		got = append(got, p.Name+" "+p.Listen.Addr)
	}
	want := []string{"c 127.0.0.1:3", "aa 127.0.0.1:2", "bb 127.0.0.1:1"}
	if !slices.Equal(got, want) {
		t.Errorf("pools are %q; want %q", got, want)
	}
}

func TestParseGlobal(t *testing.T) {
	with := func(edit func(*engine.Options)) engine.Options {
		o := engine.Options{
			ReadBufferBytes: 256 << 10, Coalesce: 200 * time.Microsecond, MaxPipeline: 1024, MaxRequestBytes: 1 << 30,
			Admin: "127.0.0.1:22223", DrainTimeout: 30 * time.Second, LogFormat: "text", AuditEvents: audit.Logins | audit.Refusals | audit.Admin, AuditSample: 1,
			AccessOptions: engine.AccessOptions{AccessSample: 100, AccessRate: 1000, TraceSample: 100, TraceRate: 1000, OTLPService: "cashew"},
		}
		edit(&o)
		return o
	}
	tests := []struct {
		name, section string
		want          engine.Options
	}{
		{"none", "", with(func(*engine.Options) {})},
		{"all", "global:\n  loops: 4\n  read_buffer: 128kb\n  max_pipeline: 99\n  max_request: 1gb\n", with(func(o *engine.Options) {
			o.Loops, o.ReadBufferBytes, o.MaxPipeline, o.MaxRequestBytes = 4, 128<<10, 99, 1<<30
		})},
		{"coalesce", "global:\n  coalesce_usecs: 300\n", with(func(o *engine.Options) { o.Coalesce = 300 * time.Microsecond })},
		{"no coalescing", "global:\n  coalesce_usecs: 0\n", with(func(o *engine.Options) { o.Coalesce = 0 })},
		{"auto", "global:\n  loops: auto\n", with(func(*engine.Options) {})},
		{"admin", "global:\n  admin: /run/cashew.sock\n  drain_timeout: 500\n  log_format: json\n", with(func(o *engine.Options) {
			o.Admin, o.DrainTimeout, o.LogFormat = "/run/cashew.sock", 500*time.Millisecond, "json"
		})},
		{"admin by IPv6", "global:\n  admin: \"[::1]:22223\"\n", with(func(o *engine.Options) { o.Admin = "[::1]:22223" })},
		{"no admin", "global:\n  admin: off\n", with(func(o *engine.Options) { o.Admin = "" })},
		{"thousands", "global:\n  read_buffer: 64k\n  max_request: 5M\n", with(func(o *engine.Options) { o.ReadBufferBytes, o.MaxRequestBytes = 64<<10, 5_000_000 })},
		{"bytes", "global:\n  read_buffer: 65537\n  max_request: 1024b\n", with(func(o *engine.Options) { o.ReadBufferBytes, o.MaxRequestBytes = 128<<10, 1024 })},
		{"capitals", "global:\n  max_request: 1Mb\n", with(func(o *engine.Options) { o.MaxRequestBytes = 1 << 20 })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, file := range []string{tt.section + pool1(), pool1() + tt.section} {
				f, err := parse(testFile, []byte(file), testLookup)
				if err != nil {
					t.Fatal(err)
				}
				got := f.Options
				got.Pools, got.SettingNames = nil, nil
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("Parse(%q), -want +got:\n%s", file, diff)
				}
			}
		})
	}
}

func TestProtocol(t *testing.T) {
	file := pool1("redis: true") +
		"q:\n  listen: 127.0.0.1:2\n  memcached_admin: true\n  servers:\n    - a:1:1\n" +
		"r:\n  listen: 127.0.0.1:3\n  redis: false\n  servers:\n    - a:1:1\n"
	f, err := parse(testFile, []byte(file), testLookup)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"p": "redis", "q": "memcached", "r": "memcached"}
	for _, p := range f.Options.Pools {
		if got := p.Protocol.Name(); got != want[p.Name] {
			t.Errorf("pool %s speaks %s; want %s", p.Name, got, want[p.Name])
		}
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nutcracker.yml")
	if _, err := Load(path); !errors.Is(err, fs.ErrNotExist) || err.Error() != "configs: "+path+": failed to open configuration '"+path+"': no such file or directory" {
		t.Errorf("Load of no file = %v", err)
	}
	if _, err := Load(filepath.Dir(path)); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("Load of a directory = %v", err)
	}
	if err := os.WriteFile(path, []byte(pool1()), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	checkInvariants(t, f)
}

func TestLookupHost(t *testing.T) {
	addr, err := lookupHost("localhost")
	if err != nil || !addr.IsLoopback() || addr.Is4In6() {
		t.Errorf("lookupHost(localhost) = %v, %v; want a loopback address", addr, err)
	}
	if addr, err := lookupHost("not a name"); err == nil {
		t.Errorf("lookupHost(not a name) = %v; want an error", addr)
	}
}
