package resp

import (
	"bytes"
	"math"

	"cashew/codec"
)

// finder is one key spec of a command that was looked up: where the search for keys begins, and how they are found from there. Of
// argument numbers, 0 is the command's name.
//
// Source: https://redis.io/docs/latest/develop/reference/key-specs/; redis 7.0 db.c, getKeysUsingKeySpecs.
type finder struct {
	index   int    // the search begins at this argument
	keyword string // or, if this is not empty, behind the first argument that is this word, in small letters,
	from    int    // looked for from argument from on; below 0: from that far from the end towards the front

	counted bool // how many keys there are stands in an argument
	step    int  // from key to key
	last    int  // not counted: how far the last key is from where the search begins; below 0: from the end, -1 is the last argument
	limit   int  // not counted, last -1: keys are the first of so many equal parts of the arguments; below 2: all
	numAt   int  // counted: how far that argument is from where the search begins
	first   int  // counted: and how far the first key is
}

// rangeFinder is that of the first key, the last and the step that COMMAND INFO tells apart from key specs. ok is false if they are none.
func rangeFinder(first, last, step int) (f finder, ok bool) {
	f = finder{index: first, last: last, step: step}
	if last > 0 {
		f.last = last - first
	}
	return f, first > 0 && first <= math.MaxInt16 && step > 0 && step <= math.MaxInt16 && max(last, -last) <= math.MaxInt16
}

// readFinder reads a key spec. ok is false if not all keys can be found by it: it says so, or what it describes is no key though it
// decides the server as one does, or it is of a kind that nobody knew.
func readFinder(spec *value) (f finder, ok bool) {
	for _, flag := range spec.field("flags").words() {
		if flag == "incomplete" || flag == "not_key" {
			return f, false
		}
	}
	begin, find := spec.field("begin_search"), spec.field("find_keys")
	from, to := begin.field("spec"), find.field("spec")
	ok = true
	take := func(v *value, name string, low int) (n int) {
		n, is := v.field(name).number()
		ok = ok && is && n >= low && n <= math.MaxInt16
		return n
	}
	switch string(begin.field("type").text) {
	case "index":
		f.index = take(from, "index", 1)
	case "keyword":
		f.keyword, f.from = string(bytes.ToLower(from.field("keyword").text)), take(from, "startfrom", -math.MaxInt16)
		ok = ok && f.keyword != "" && f.from != 0
	default:
		return f, false
	}
	f.step = take(to, "keystep", 1)
	switch string(find.field("type").text) {
	case "range":
		f.last, f.limit = take(to, "lastkey", -math.MaxInt16), take(to, "limit", 0)
	case "keynum":
		f.counted, f.numAt, f.first = true, take(to, "keynumidx", 0), take(to, "firstkey", 0)
	default:
		return f, false
	}
	return f, ok
}

// isRange says that the keys are where they are whatever the arguments say.
func (f *finder) isRange() bool { return f.keyword == "" && !f.counted }

// appendKeys appends the keys among the first argc elements of args, which are all arguments of frame. A range that ends behind the last
// argument has those that there are: the server says what is missing. ok is false if the arguments don't say where the keys are.
func (f *finder) appendKeys(args []codec.Key, argc int, frame []byte) (out []codec.Key, ok bool) {
	begin := f.index
	if f.keyword != "" {
		if begin = f.search(args[:argc], frame); begin == 0 {
			return args, true // an option that was not given
		}
	}
	first, last := begin, 0
	switch {
	case f.counted:
		at := begin + f.numAt
		if at >= argc {
			return args, false
		}
		n, is := parseInt(bytesOf(frame, args[at]))
		if first = begin + f.first; !is || n < 0 || n > int64(argc) {
			return args, false
		}
		if last = first + (int(n)-1)*f.step; last >= argc {
			return args, false
		}
	case f.last >= 0:
		last = begin + f.last
	case f.limit > 1:
		last = begin + (argc-begin)/f.limit + f.last
	default:
		last = argc + f.last
	}
	for i := first; i <= min(last, argc-1); i += f.step {
		args = append(args, args[i])
	}
	return args, true
}

// search is the argument behind the keyword, 0 if that is not there.
func (f *finder) search(args []codec.Key, frame []byte) int {
	at, step := f.from, 1
	if at < 0 {
		at, step = len(args)+at, -1
	}
	for ; at > 0 && at < len(args); at += step {
		if equalFold(bytesOf(frame, args[at]), f.keyword) {
			return at + 1
		}
	}
	return 0
}
