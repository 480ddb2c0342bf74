//go:build !invariants

package backend

// copies counts nothing; see copies_on.go.
type copies struct{}

func (*copies) Add(int) {}
