package stats

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
)

// MaxRefusedNames is how many names of refused commands are told apart; the others are OtherCommand.
const MaxRefusedNames = 64

// OtherCommand stands for all names beyond MaxRefusedNames.
const OtherCommand = "other"

// addName adds n to what m, which has OtherCommand, counts of name.
func addName(m map[string]int64, name string, n int64) {
	if _, known := m[name]; name == "" || !known && len(m) > MaxRefusedNames {
		name = OtherCommand
	}
	m[name] += n
}

// Refusal is a command that was refused, and to whom: what the client said of itself with CLIENT SETINFO, "" if it said nothing.
type Refusal struct {
	Command string `json:"command"`
	Library string `json:"library"`
	Version string `json:"version"`
}

// refusalOf is one as it is kept: a client's words are long if it likes, and what is kept of them is not.
func refusalOf(command, library, version string) Refusal {
	const most = 64
	return Refusal{cmp.Or(command, OtherCommand), library[:min(len(library), most)], version[:min(len(version), most)]}
}

// Refusals are how often each happened: MaxRefusedNames of them are told apart, and the others are one that has OtherCommand in all
// its places.
type Refusals map[Refusal]int64

// add adds n to what r has.
func (r Refusals) add(to Refusal, n int64) {
	if _, known := r[to]; !known && len(r) >= MaxRefusedNames {
		to = Refusal{OtherCommand, OtherCommand, OtherCommand}
	}
	r[to] += n
}

// merge adds those of another loop, in an order of its own: the first that are new have the places that are left.
func (r Refusals) merge(of Refusals) {
	for _, to := range of.Sorted() {
		r.add(to, of[to])
	}
}

// Sorted are those that there are, by command, library and version.
func (r Refusals) Sorted() []Refusal {
	return slices.SortedFunc(maps.Keys(r), func(a, b Refusal) int {
		return cmp.Or(cmp.Compare(a.Command, b.Command), cmp.Compare(a.Library, b.Library), cmp.Compare(a.Version, b.Version))
	})
}

// MarshalJSON is a list, as an object's keys are words.
func (r Refusals) MarshalJSON() ([]byte, error) {
	type counted struct {
		Refusal
		Times int64 `json:"times"`
	}
	list := make([]counted, 0, len(r))
	for _, to := range r.Sorted() {
		list = append(list, counted{to, r[to]})
	}
	return json.Marshal(list)
}
