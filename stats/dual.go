package stats

// Dual is what became of the writes of a pool that another gets as well: what one loop counts, and all of them together. A write counts once
// both pools have answered it, or will not.
type Dual struct {
	Pool      string `json:"pool"`       // the other; a loop leaves it out
	Answer    string `json:"answer"`     // which answers clients wait for; a loop leaves it out
	Both      int64  `json:"both"`       // writes that both have acknowledged
	OwnOnly   int64  `json:"own_only"`   // that the other has not: it answered with an error, or not at all, or could not be sent to
	OtherOnly int64  `json:"other_only"` // that the pool itself has not
	Neither   int64  `json:"neither"`    // that neither has, though one was sent it at least
	Unsent    int64  `json:"unsent"`     // that were refused before either was sent them, as one could not be
	Different int64  `json:"different"`  // of those that both have, the ones to which they replied otherwise
	Unheard   int64  `json:"unheard"`    // that were to have no reply, so that nobody knows

	Outstanding int64 `json:"outstanding"` // writes that one of them has not answered, now
}

// DualTally is where t counts what its pool writes to another as well.
func (t *ClientTally) DualTally() *Dual {
	if t.Dual == nil {
		t.Dual = new(Dual)
	}
	return t.Dual
}

// clone is a copy that shares nothing with m.
func (m *Dual) clone() *Dual {
	if m == nil {
		return nil
	}
	c := *m
	return &c
}

// add adds what one loop counted.
func (m *Dual) add(t *Dual) {
	m.Both += t.Both
	m.OwnOnly += t.OwnOnly
	m.OtherOnly += t.OtherOnly
	m.Neither += t.Neither
	m.Unsent += t.Unsent
	m.Different += t.Different
	m.Unheard += t.Unheard
	m.Outstanding += t.Outstanding
}
