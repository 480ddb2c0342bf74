//go:build invariants

package loop

// poison overwrites what a callback consumed, so that a slice that was kept too long fails a test, not a user.
func poison(buf []byte) {
	for i := range buf {
		buf[i] = 0xCC
	}
}
