package configs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"cashew/tests/processtest"
)

// nutcracker says whether twemproxy takes the file at path.
func nutcracker(t *testing.T, path string) bool {
	t.Helper()
	out, err := exec.Command(processtest.LookPath(t, "nutcracker"), "-t", "-c", path).CombinedOutput()
	switch isOK := bytes.Contains(out, []byte("syntax is ok")); {
	case isOK && err == nil:
		return true
	case !isOK && bytes.Contains(out, []byte("syntax is invalid")):
		return false
	}
	t.Fatalf("nutcracker -t -c %s: %v\n%s", path, err, out)
	return false
}

func TestSameAsNutcracker(t *testing.T) {
	processtest.LookPath(t, "nutcracker") // here, so that the whole test is skipped without it
	path := filepath.Join(t.TempDir(), testFile)
	for _, s := range slices.Concat(validSamples, wrongSamples) {
		t.Run(s.name, func(t *testing.T) {
			if s.diverges != "" {
				t.Skip("diverges: " + s.diverges)
			}
			if err := os.WriteFile(path, []byte(s.file), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := parse(testFile, []byte(s.file), testLookup)
			if got, want := err == nil, nutcracker(t, path); got != want {
				t.Errorf("%q: valid is %t, for nutcracker %t; %v", s.file, got, want, err)
			}
		})
	}
}
