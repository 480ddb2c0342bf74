package configs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// nutcracker says whether twemproxy takes the file at path.
func nutcracker(t *testing.T, path string) bool {
	t.Helper()
	out, err := exec.Command("nutcracker", "-t", "-c", path).CombinedOutput()
	switch isOK := bytes.Contains(out, []byte("syntax is ok")); {
	case isOK && err == nil:
		return true
	case !isOK && bytes.Contains(out, []byte("syntax is invalid")):
		return false
	}
	t.Fatalf("nutcracker -t -c %s: %v\n%s", path, err, out)
	return false
}

func needNutcracker(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("nutcracker"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("nutcracker is not on PATH")
		}
		t.Skip("nutcracker is not on PATH")
	}
}

func TestSameAsNutcracker(t *testing.T) {
	needNutcracker(t)
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
