package near

// Tally is what one loop counts of a pool's near cache, and all of them together.
type Tally struct {
	Hits        int64 `json:"hits"`        // commands that were answered with what is kept
	Misses      int64 `json:"misses"`      // commands that could have been
	Joined      int64 `json:"joined"`      // of those, the ones that got the reply to another's, which was on its way
	Kept        int64 `json:"kept"`        // replies that were
	Overtaken   int64 `json:"overtaken"`   // replies that were not, since their key was written meanwhile, or could have been
	TooLarge    int64 `json:"too_large"`   // or since they are
	Invalidated int64 `json:"invalidated"` // keys of which servers told that they were written
	Stale       int64 `json:"stale"`       // hits whose server could not be asked
	Checked     int64 `json:"checked"`     // hits that were asked for all the same
	Wrong       int64 `json:"wrong"`       // of those, the ones that were not what the server has, though nobody had told of a write
	Dropped     int64 `json:"dropped"`     // times that all replies of a server were given up, since it may have told of less than was written

	// What is there now, of all loops together; a loop leaves it out.
	Entries int64 `json:"entries"`
	Bytes   int64 `json:"bytes"`
	Most    int64 `json:"max_bytes"`
}

// Clone is a copy that shares nothing with t; nil for nil.
func (t *Tally) Clone() *Tally {
	if t == nil {
		return nil
	}
	c := *t
	return &c
}

// Add adds what one loop counted.
func (t *Tally) Add(u *Tally) {
	t.Hits += u.Hits
	t.Misses += u.Misses
	t.Joined += u.Joined
	t.Kept += u.Kept
	t.Overtaken += u.Overtaken
	t.TooLarge += u.TooLarge
	t.Invalidated += u.Invalidated
	t.Stale += u.Stale
	t.Checked += u.Checked
	t.Wrong += u.Wrong
	t.Dropped += u.Dropped
}
