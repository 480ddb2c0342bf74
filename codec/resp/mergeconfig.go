package resp

import (
	"bytes"

	"cashew/codec"
)

// mergeConfig is the reply to CONFIG GET: the parameters in which all servers agree, in the first one's order. One in which they differ, or
// that some of them lack, is left out if a pattern asked for it, as * does for port; it is an error if its name did, or if nothing is left.
// Keys is the command.
func mergeConfig(dst []byte, g *codec.Gather) []byte {
	all := make([][][]byte, len(g.Replies)) // of each server, name and value
	alike := make(map[string]int)           // how many servers have such a pair; looked up, and never walked over
	for i, r := range g.Replies {
		var ok bool
		if all[i], ok = groupsOf(r, 2); !ok || r[0] != g.Replies[0][0] {
			return append(dst, errInvalid...)
		}
		for _, pair := range all[i] {
			alike[string(pair)]++
		}
	}
	var kept [][]byte
	for _, pair := range all[0] {
		if alike[string(pair)] == len(all) {
			kept = append(kept, pair)
		}
	}
	asked := namedParameters(g.Keys)
	for _, pairs := range all {
		for _, pair := range pairs {
			if name := parameterOf(pair); alike[string(pair)] < len(all) && (len(kept) == 0 || asked[string(bytes.ToLower(name))]) {
				return appendDiffers(dst, name)
			}
		}
	}
	n := len(kept)
	if g.Replies[0][0] != '%' {
		n *= 2
	}
	dst = appendHeader(dst, g.Replies[0][0], n)
	for _, pair := range kept {
		dst = append(dst, pair...)
	}
	return dst
}

// namedParameters are the parameters, in lower case, that a CONFIG GET asks for by their names.
func namedParameters(frame []byte) map[string]bool {
	if len(frame) == 0 {
		return nil
	}
	names := make(map[string]bool) // looked up, and never walked over
	args := argsOf(frame)
	args.next()
	args.next()
	for args.left > 0 {
		if name := args.next(); !bytes.ContainsAny(name, "[*?") { // redis 7.0 config.c, configGetCommand
			names[string(bytes.ToLower(name))] = true
		}
	}
	return names
}

// parameterOf is the name in a name and its value.
func parameterOf(pair []byte) []byte {
	n, body := bulkHeader(pair, 0)
	if body <= 0 || body+n > len(pair) {
		return nil
	}
	return pair[body : body+n]
}

// appendDiffers says in which parameter servers differ.
func appendDiffers(dst, name []byte) []byte {
	dst = append(dst, "-ERR the servers of this pool differ in '"...)
	dst = appendPrintable(dst, name, 128)
	return append(dst, "': ask the one that you mean\r\n"...)
}
