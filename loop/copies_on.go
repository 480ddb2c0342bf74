//go:build invariants

package loop

// copies counts the bytes of requests and replies that are copied in user space, for tests: with -tags invariants only.
type copies int64

// Add says that n bytes are copied.
func (c *copies) Add(n int) { *c += copies(n) }
