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
	if got := stderr.String(); strings.Count(got, "nobody tells where its servers are") != 1 {
		t.Errorf("told is %q", got)
	}
	d, err := diff(now, then, &stderr)
	if err != nil || len(d.Pools) != 1 || d.Pools[0].Movement.Share != 1 {
		t.Errorf("diff: %+v, %v", d, err)
	}
	if kept, err := os.ReadFile(dir + "/kept"); err != nil || !strings.Contains(string(kept), "10.0.0.2") {
		t.Errorf("what is kept is %s, %v", kept, err)
	}
}
