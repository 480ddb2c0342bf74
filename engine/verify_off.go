//go:build !invariants

package engine

// Verify finds nothing; see verify_on.go.
func (*Proxy) Verify() error { return nil }
