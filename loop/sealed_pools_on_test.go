//go:build invariants

package loop

import "testing"

// wantPools fails the test if a buffer of l was given back twice, or written to afterwards.
func wantPools(t testing.TB, l *Loop) {
	t.Helper()
	l.scheduled = true // whatever waits to be flushed is not the matter
	c := l.Claims()
	if c.Err != nil {
		t.Error(c.Err)
	}
}
