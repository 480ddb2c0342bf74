package configs

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseWrong(t *testing.T) {
	for _, s := range wrongSamples {
		t.Run(s.name, func(t *testing.T) {
			f, err := parse(testFile, []byte(s.file), testLookup)
			var got Problems
			if f != nil || !errors.As(err, &got) {
				t.Fatalf("Parse(%q) = %v, %v; want Problems", s.file, f, err)
			}
			checkProblems(t, s.file, got)
			for i := range got {
				if i < len(s.problems) && s.problems[i].Want == "" {
					got[i].Want = ""
				}
				if i < len(s.problems) && s.problems[i].Column == 0 {
					got[i].Column = 0
				}
				got[i].File = ""
			}
			if diff := cmp.Diff(Problems(s.problems), got, cmp.AllowUnexported(Problem{})); diff != "" {
				t.Errorf("Parse(%q), -want +got:\n%s", s.file, diff)
			}
		})
	}
}

const manyMistakes = `# Everything is wrong here.
alpha:
  listen: 127.0.0.1
  hash: fnv1_46
  hsah: md5
  hash: md5
  timeout: 400ms
  redis: yes
  redis_auth: hidden
  server_connections: 0
  servers:
    - 127.0.0.1:6379:1
    - 127.0.0.1:6379:2
    - 127.0.0.1:6380
    - 127.0.0.1:6380:0
    - {a: b}
    -
beta:
  redis_auth: hidden
  backlog:
  hash:
    name: md5
  redis_db: [1]
  guardians:
    - a
gamma: hidden
alpha:
  listen: ::1
  servers: 127.0.0.1:6379:1
global:
  loops: none
  read_bufer: 1kb
`

const allProblems = `f.yml:3: pool alpha: listen: "127.0.0.1" has an invalid "hostname:port" format string; expected "host:port" (an IPv6 address without brackets, such as ::1:22121) or "/path [octal mode]"
f.yml:4: pool alpha: hash: "fnv1_46" is not a valid hash, and not supported here: any other one moves keys; expected one of one_at_a_time, md5, crc16, crc32, crc32a, fnv1_64, fnv1a_64, fnv1_32, fnv1a_32, hsieh, murmur, jenkins, xxhash64
f.yml:5: pool alpha: directive "hsah" is unknown; did you mean "hash"?
f.yml:6: pool alpha: hash: is a duplicate (the first is on line 4)
f.yml:7: pool alpha: timeout: "400ms" is not a number; expected milliseconds, digits only, at most 2147483647
f.yml:8: pool alpha: redis: "yes" is not "true" or "false"; did you mean "true"?
f.yml:10: pool alpha: directive "server_connections:" cannot be 0
f.yml:13: pool alpha: servers: has servers with same name '127.0.0.1:6379' (the first is on line 12)
f.yml:14: pool alpha: servers: "127.0.0.1:6380" has an invalid "hostname:port:weight [name]"or "/path/unix_socket:weight [name]" format string; expected "host:port:weight [name]" or "/path:weight [name]"
f.yml:15: pool alpha: servers: "127.0.0.1:6380:0" has a zero weight in "hostname:port:weight [name]" format string; expected "host:port:weight [name]" or "/path:weight [name]"
f.yml:16: pool alpha: servers: flow mapping start token (12) is disallowed; expected "host:port:weight [name]" or "/path:weight [name]"
f.yml:17: pool alpha: servers: is empty; expected "host:port:weight [name]" or "/path:weight [name]"
f.yml:18: pool beta: directive "listen:" is missing
f.yml:18: pool beta: servers: pool 'beta' has no servers; expected "servers:" and below it a list
f.yml:19: pool beta: directive "redis_auth:" is only valid for a redis pool; expected "redis: true" beside it
f.yml:20: pool beta: backlog: is empty; expected digits only, at most 2147483647
f.yml:22: pool beta: hash: has a depth greater than 2; expected one of one_at_a_time, md5, crc16, crc32, crc32a, fnv1_64, fnv1a_64, fnv1_32, fnv1a_32, hsieh, murmur, jenkins, xxhash64
f.yml:23: pool beta: redis_db: flow sequence start token (10) is disallowed; expected digits only, at most 2147483647
f.yml:24: pool beta: directive "guardians" is unknown
f.yml:26: pool gamma: has invalid mapping "key:" at depth 1; expected the pool's settings, indented, one a line
f.yml:27: pool alpha: has pools with same name 'alpha' (the first is on line 2)
f.yml:28: pool alpha: listen: "::1" has an invalid value; expected "host:port" (an IPv6 address without brackets, such as ::1:22121) or "/path [octal mode]"
f.yml:29: pool alpha: servers: "127.0.0.1:6379:1" missing sequence directive at depth 2; expected a list, each line "- " and "host:port:weight [name]" or "/path:weight [name]"
f.yml:31: global.loops: "none" is not a number; expected a number from 1 to 256, or "auto"
f.yml:32: directive "read_bufer" is unknown; did you mean "read_buffer"?
`

func TestParseFindsAll(t *testing.T) {
	_, err := parse(testFile, []byte(manyMistakes), testLookup)
	var ps Problems
	if !errors.As(err, &ps) {
		t.Fatalf("Parse = %v; want Problems", err)
	}
	checkProblems(t, manyMistakes, ps)
	got := strings.ReplaceAll(err.Error()+"\n", "configs: f.yml", "f.yml")
	if diff := cmp.Diff(strings.Split(allProblems, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("problems, -want +got:\n%s", diff)
	}
	if strings.Contains(got, "hidden") {
		t.Errorf("a problem shows a password:\n%s", got)
	}
}

func TestProblemIsOneLine(t *testing.T) {
	file := "\"a\\nb\":\n  \"li\\nsten\": x\n  listen: \"x\\ny\"\n  servers:\n  - \"h:1:1 a\\nb\"\n  - \"h:2:1 a\\nb\"\n"
	_, err := parse("a\nb.yml", []byte(file), testLookup)
	want := `configs: "a\nb.yml":2: pool "a\nb": directive "li\n..." is unknown
configs: "a\nb.yml":3: pool "a\nb": listen: "x..." has an invalid "hostname:port" format string; expected "host:port" (an IPv6 address without brackets, such as ::1:22121) or "/path [octal mode]"
configs: "a\nb.yml":6: pool "a\nb": servers: has servers with same name 'a...' (the first is on line 5)`
	if err == nil || err.Error() != want {
		t.Errorf("Parse(%q) =\n%v\nwant\n%s", file, err, want)
	}
}

// checkProblems checks what holds for the problems of any file.
func checkProblems(t *testing.T, file string, ps Problems) {
	t.Helper()
	if len(ps) == 0 {
		t.Errorf("Parse(%q): an error without problems", file)
	}
	text := newText([]byte(file))
	for i, p := range ps {
		if p.Reason == "" || strings.ContainsAny(p.Error(), "\r\n") {
			t.Errorf("Parse(%q): problem %q is not one line", file, p.Error())
		}
		if p.Line < 0 || p.Line > text.lines()+1 || (p.Line == 0) != (p.Column == 0) {
			t.Errorf("Parse(%q): problem %q is at %d:%d", file, p.Error(), p.Line, p.Column)
		}
		if i > 0 && p.Line < ps[i-1].Line {
			t.Errorf("Parse(%q): problem %q is out of order", file, p.Error())
		}
	}
}
