package inspect

import (
	"os"
	"strings"
	"testing"
)

// TestDiscovered: explain and diff go by what is discovered now, or by what is kept when nobody answers.
func TestDiscovered(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir + "/" + name
	}
	write("list", "10.0.0.1:6379:1 a\n")
	write("kept", `{"source": "file `+dir+`/nothing", "begin": null, "servers": ["10.0.0.2:6379:1 b"]}`)
	pool := "p:\n  listen: 127.0.0.1:1\n  redis: true\n  discovery_wait_msecs: 50\n  discovery: file "
	now, then := write("now.yml", pool+dir+"/list\n"), write("then.yml", pool+dir+"/nothing\n  discovery_cache: "+dir+"/kept\n")
	var stderr strings.Builder
	for path, want := range map[string]string{now: "a", then: "b"} {
		places, err := explainFile(path, "", []string{"k"}, &stderr)
		if err != nil || len(places) != 1 || places[0].Name != want {
			t.Errorf("%s: %+v, %v, %s", path, places, err, stderr.String())
		}
	}
	if got := stderr.String(); got != "pool p: nobody tells where its servers are; those of discovery_cache count\n" {
		t.Errorf("told is %q", got)
	}
	write("empty", "")
	write("other", "10.0.0.3:6379:1 c\n")
	const begin = "\n  discovery_wait_msecs: 3600000\n  servers:\n    - 10.0.0.4:6379:1 d\n" // a list that is told is not waited for
	pool = strings.Replace(pool, "  discovery_wait_msecs: 50\n", "", 1)
	for list, want := range map[string]string{
		"empty": "pool p: an empty list of servers is told; those below servers count\n",
		"other": "pool p: a list of 1 servers is told, whose names and weights are not in force: it is empty, or lacks more than half of the servers in force; those below servers count\n",
	} {
		stderr.Reset()
		places, err := explainFile(write(list+".yml", pool+dir+"/"+list+begin), "", []string{"k"}, &stderr)
		if err != nil || len(places) != 1 || places[0].Name != "d" || stderr.String() != want {
			t.Errorf("%s: %+v, %v, told is %q", list, places, err, stderr.String())
		}
	}
	stderr.Reset()
	d, err := diff(now, then, &stderr)
	if err != nil || len(d.Pools) != 1 || d.Pools[0].Movement.Share != 1 {
		t.Errorf("diff: %+v, %v", d, err)
	}
	if kept, err := os.ReadFile(dir + "/kept"); err != nil || !strings.Contains(string(kept), "10.0.0.2") {
		t.Errorf("what is kept is %s, %v", kept, err)
	}
}
