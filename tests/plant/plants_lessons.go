package main

// lessonPlants are faults of those who ask servers about commands that the proxy does not know: who waits, what is kept, where keys are.
var lessonPlants = []plant{
	{"lookup-tells-the-first-only", "session/lookup.go", "	for _, s := range o.waiting {", "	for _, s := range o.waiting[:min(len(o.waiting), 1)] {"},
	{"lookup-waits-for-one-server-more", "session/lookup.go", "name: name, pending: 1, err", "name: name, pending: 2, err"},
	{"lookup-leaves-its-clients-waiting", "session/lookup.go", "		s.waitsFor &^= behindLesson\n", ""},
	{"known-commands-are-missing", "session/lessons.go", "		if delete(next, name); known {\n", "		if delete(next, name); known && had {\n"},
	{"all-in-place-of-half", "codec/resp/keyspec.go", "		last = begin + (argc-begin)/f.limit + f.last", "		last = argc + f.last"},
	{"word-is-its-own-key", "codec/resp/keyspec.go", "			return at + 1\n", "			return at\n"},
}
