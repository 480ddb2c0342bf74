package resp

import (
	"bytes"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"

	"cashew/codec"
)

// What all servers of a pool answer to one command becomes one reply, by one of these rules. An error of one of them is the reply, as
// with fragments; a command that fails at one server of several has been carried out at the others.

// merges are the rules of commands that go to all servers, where theirs is not the sum.
var merges = map[uint16]func(dst []byte, g *codec.Gather) []byte{
	mustOp("keys"):                 mergeArrays,
	mustOp("randomkey"):            mergeRandom,
	mustOp("flushall"):             mergeSame,
	mustOp("flushdb"):              mergeSame,
	mustOp("save"):                 mergeSame,
	mustOp("bgsave"):               mergeFirst,
	mustOp("bgrewriteaof"):         mergeFirst,
	mustOp("lastsave"):             mergeLeast,
	mustSub("config", "get"):       mergeConfig,
	mustSub("config", "resetstat"): mergeSame,
	mustSub("config", "rewrite"):   mergeSame,
	mustSub("memory", "purge"):     mergeSame,
	mustSub("module", "list"):      mergeAlike,
	mustSub("function", "delete"):  mergeSame,
	mustSub("function", "flush"):   mergeSame,
	mustSub("function", "load"):    mergeSame,
	mustSub("function", "restore"): mergeSame,
	mustSub("function", "list"):    mergeUnion,
	mustOp("info"):                 mergeInfo,
	mustOp("scan"):                 coalesceWalk,
}

// mergeSame is the reply that all servers give. Where they differ there is none for all of them.
func mergeSame(dst []byte, g *codec.Gather) []byte {
	for _, r := range g.Replies[1:] {
		if !bytes.Equal(r, g.Replies[0]) {
			return append(dst, errDiffer...)
		}
	}
	return append(dst, g.Replies[0]...)
}

const errDiffer = "-ERR the servers of this pool differ in what they answer: ask the one that you mean\r\n"

// mergeAlike is mergeSame for replies whose elements come in the order of a hash table.
func mergeAlike(dst []byte, g *codec.Gather) []byte {
	var first [][]byte
	for i, r := range g.Replies {
		elements, ok := groupsOf(r, 1)
		if !ok {
			return append(dst, errInvalid...)
		}
		slices.SortFunc(elements, bytes.Compare)
		if i == 0 {
			first = elements
		} else if !slices.EqualFunc(elements, first, bytes.Equal) {
			return append(dst, errDiffer...)
		}
	}
	return append(dst, g.Replies[0]...)
}

// groupsOf are the elements of an array, a set or a map, each step of them in one piece.
func groupsOf(reply []byte, step int) (groups [][]byte, ok bool) {
	n, pos := countAt(reply)
	if pos <= 0 || n%step != 0 {
		return nil, false
	}
	for range n / step {
		from := pos
		for range step {
			if pos = elementEnd(reply, pos); pos == 0 {
				return nil, false
			}
		}
		groups = append(groups, reply[from:pos])
	}
	return groups, true
}

// mergeFirst is the first reply: what servers say of work that they have begun.
func mergeFirst(dst []byte, g *codec.Gather) []byte { return append(dst, g.Replies[0]...) }

// mergeLeast is the least number.
func mergeLeast(dst []byte, g *codec.Gather) []byte {
	least := math.MaxInt
	for _, r := range g.Replies {
		n, ok := integer(r)
		if !ok {
			return append(dst, errInvalid...)
		}
		least = min(least, n)
	}
	return appendInt(dst, least)
}

// mergeArrays is one array, or set, of the elements of all.
func mergeArrays(dst []byte, g *codec.Gather) []byte {
	sum := 0
	for i, r := range g.Replies {
		n, pos := countAt(r)
		if pos <= 0 || r[0] != g.Replies[0][0] || n > math.MaxInt-sum {
			return append(dst, errInvalid...)
		}
		sum += n
		g.Cursor[i] = pos
	}
	dst = appendHeader(dst, g.Replies[0][0], sum)
	for i, r := range g.Replies {
		dst = append(dst, r[g.Cursor[i]:]...)
	}
	return dst
}

// mergeUnion is one array of the elements of all, each that is the same once.
func mergeUnion(dst []byte, g *codec.Gather) []byte {
	var all [][]byte
	for _, r := range g.Replies {
		elements, ok := groupsOf(r, 1)
		if !ok || r[0] != g.Replies[0][0] {
			return append(dst, errInvalid...)
		}
		for _, e := range elements {
			if !slices.ContainsFunc(all, func(other []byte) bool { return bytes.Equal(other, e) }) {
				all = append(all, e)
			}
		}
	}
	dst = appendHeader(dst, g.Replies[0][0], len(all))
	for _, element := range all {
		dst = append(dst, element...)
	}
	return dst
}

// countAt reads the header of an array, a set or a map: how many elements it has, and where they begin; 0 or less: it is none of them.
func countAt(reply []byte) (n, pos int) {
	if len(reply) == 0 || !bytes.ContainsRune([]byte("*~%"), rune(reply[0])) {
		return 0, malformed
	}
	if n, pos = number(reply, 1); reply[0] == '%' {
		n *= 2
	}
	return n, pos
}

// mergeRandom is one of the keys that the servers chose, each as likely as the others, for they are at random; null if none has any.
func mergeRandom(dst []byte, g *codec.Gather) []byte {
	var some [][]byte
	chance := xxhash.New()
	for _, r := range g.Replies {
		if r[0] != '_' && !bytes.Equal(r, nullBulk) {
			some = append(some, r)
			_, _ = chance.Write(r)
		}
	}
	if len(some) == 0 {
		return append(dst, g.Replies[0]...)
	}
	return append(dst, some[chance.Sum64()%uint64(len(some))]...)
}
