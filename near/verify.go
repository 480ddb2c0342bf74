//go:build invariants

package near

// Counted is what Size should be, and whether it is.
func (c *Cache) Counted() (entries, bytes int64, right bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.sets {
		for j := range c.sets[i] {
			if e := c.sets[i][j].Load(); e != nil {
				entries++
				bytes += e.size
			}
		}
	}
	return entries, bytes, entries == c.entries.Load() && bytes == c.bytes.Load() && bytes <= c.most
}
