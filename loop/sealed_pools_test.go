//go:build !invariants

package loop

import "testing"

// wantPools does nothing: who has which buffer is known with -tags invariants alone.
func wantPools(testing.TB, *Loop) {}
