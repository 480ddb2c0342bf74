package main

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

// sum adds up the instructions of those functions in a callgrind profile that are a request's own. Each function's are its
// own ones, without those that it calls: callgrind takes a switch between goroutines for calls and returns, so who called
// whom is not to be trusted; where an instruction stands is.
//
//	fn=(12) cashew/ring.(*Ring).Dispatch     the function that follows; later only fn=(12)
//	0 2000                                   position, instructions
//	calls=1 0                                the next line is a called function's
//	0 815
//
// Source: valgrind 3.19, "Callgrind Format Specification".
func sum(profile io.Reader) (instructions int64, err error) {
	names := map[string]string{}
	counted, called := false, false
	sc := bufio.NewScanner(profile)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		line := sc.Text()
		key, value, isSpec := strings.Cut(line, "=")
		switch {
		case line == "":
		case isSpec && (key == "fn" || key == "cfn"):
			id, name, named := strings.Cut(value, " ")
			if named {
				names[id] = name
			}
			if key == "fn" {
				counted = ours(names[id])
			}
		case isSpec && key == "calls":
			called = true
		case line[0] >= '0' && line[0] <= '9' || line[0] == '+' || line[0] == '-' || line[0] == '*':
			if _, cost, ok := strings.Cut(line, " "); ok && counted && !called {
				n, err := strconv.ParseInt(cost, 10, 64)
				if err != nil {
					return 0, err
				}
				instructions += n
			}
			called = false
		}
	}
	if sc.Err() == nil && len(names) == 0 {
		err = errors.New("a profile without functions")
	}
	return instructions, errors.Join(err, sc.Err())
}

// ours says whether a function's instructions are a request's: all but those of the benchmark itself, of package testing and
// of the Go runtime, which is at work on its own account beside it, except for what compiled code calls all the time.
// (What the runtime takes to allocate is not among them: a hot path that allocates fails other tests.)
func ours(function string) bool {
	slash := strings.LastIndexByte(function, '/') + 1
	pkg, name, _ := strings.Cut(function[slash:], ".")
	switch function[:slash] + pkg {
	case "testing":
		return false
	case "runtime":
		return slices.ContainsFunc(runtimeHot, func(hot string) bool { return strings.HasPrefix(name, hot) })
	}
	return !strings.HasPrefix(name, "Benchmark")
}

// runtimeHot are the beginnings of the names of the runtime's functions that compiled code calls and that the runtime hardly
// uses for itself. (memclr and nanotime are not among them: the collector and the scheduler call them all the time.)
var runtimeHot = []string{
	"assert", "convT", "defer", "duff", "efaceeq", "gcWriteBarrier", "growslice", "ifaceeq", "interequal", "map", "memequal",
	"memhash", "memmove", "strequal", "strhash", "typeAssert", "typedmemmove", "wbMove",
}
