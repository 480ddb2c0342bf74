package main

import (
	"maps"
	"testing"
)

func TestParseStrace(t *testing.T) {
	const text = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.01    0.012345          12      1000           write
 39.99    0.008227          16       500        10 read
  0.00    0.000000           0         7           accept4
------ ----------- ----------- --------- --------- ----------------
100.00    0.020572          13      1507        10 total
`
	got, err := parseStrace([]byte(text))
	if want := map[string]int{"write": 1000, "read": 500, "accept4": 7}; err != nil || !maps.Equal(got, want) {
		t.Errorf("parseStrace = %v, %v; want %v", got, err, want)
	}
	for _, bad := range []string{"", "strace: Process 7 attached\n", "% time     seconds  usecs/call     calls    errors syscall\n", " 60.01 0.01 12 many write\n"} {
		if got, err := parseStrace([]byte(bad)); err == nil {
			t.Errorf("parseStrace(%q) = %v; want an error", bad, got)
		}
	}
}
